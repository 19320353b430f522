// Conn: the protocol of one conn, without sockets and timers of its own. It takes the bytes of
// the other side, gives bytes for it, and tells the program what happens.

import { writePayload, readPayload } from "./codec.js";
import type { Clock } from "./clock.js";
import { ConnEnd, type EndKind, MismatchError, PacketmqError, PayloadError, ProtocolError, SizeError } from "./errors.js";
import { FrameReader, idSize, writeFrame } from "./frame.js";
import * as hs from "./handshake.js";
import { Reader } from "./reader.js";
import { type Advice, Reason } from "./reason.js";
import { id, type PacketType, type Registry, Table } from "./registry.js";
import { TokenBucket } from "./token_bucket.js";
import { Writer } from "./writer.js";

/** What a conn is doing. */
export type State = "connMade" | "idcheck" | "active" | "softquitted" | "disconnected";

/** Link is what a conn needs of what carries its bytes. */
export interface Link {
  /** wake says that there is output: take() is to be called soon. */
  wake(): void;
  /** close says that take() is to be called for the last time, and the stream to be ended. */
  close(reason: string): void;
  /** waiting is how many bytes the stream has taken and not sent. */
  waiting(): number;
}

/** Extension is a feature that a module adds to conns. */
export interface Extension {
  readonly feature: number;
  /** packet takes the feature's packets. The reader is valid during the call; what is thrown ends the conn. */
  packet(conn: Conn, r: Reader): void;
}

/** Program is what a conn needs of the program whose conn it is. */
export interface Program {
  readonly registry: Registry;
  extension(feature: number): Extension | undefined;
  /** features are the bits that are announced. */
  features(): number;
  /** handler is what takes the packets of a type, with the length of their payloads; undefined: they are dropped unread. */
  handler(p: PacketType<any>): ((value: any, conn: Conn, size: number) => unknown) | undefined;
  token(): Uint8Array | undefined;
  readonly version: string;
  made(conn: Conn): void;
  updated(conn: Conn): void;
  lost(conn: Conn, end: ConnEnd): void;
}

/** Limits are the bounds of a conn. */
export interface Limits {
  /** The longest frame that is taken or sent, in bytes without its length. */
  readonly maxFrame: number;
  /** How many bytes may wait to be sent. */
  readonly maxPending: number;
  /** Milliseconds from the beginning to the other side's finish. */
  readonly handshake: number;
  /** Milliseconds from the first byte of a frame to its last. */
  readonly frameTime: number;
  /** Milliseconds between heartbeats; 0: none are sent, and the other side's are not answered. */
  readonly ping: number;
  /** Milliseconds without a byte from the other side, after which the conn ends; 0: no bound. */
  readonly idle: number;
}

/** How often the times of a conn are checked, in milliseconds. They may be exceeded by as much. */
export const checkEvery = 1000;

/** What a round trip counts at least, in milliseconds: clocks of browsers are coarse, and 0 means that there was none. */
const minRtt = 0.001;

/** Packets of unknown ids that are dropped; the next one ends the conn. */
const maxUnknown = 16;

/** Conn is one conn. */
export class Conn {
  state: State = "connMade";
  /** The round trip of the last heartbeat, in milliseconds; 0: none has come back yet. */
  rtt = 0;
  /** What the other side's program calls itself. */
  remoteVersion = "";
  /** Why the conn has ended; undefined: it has not. */
  end: ConnEnd | undefined;

  private readonly out = new Writer(4096);
  private readonly frames = new FrameReader((id, length) => this.judge(id, length));
  private readonly reader = new Reader();
  private readonly inner = new Reader(); // of payloads inside a feature's packets
  private table: Table | undefined;
  private details: ReadonlyMap<number, Uint8Array> = new Map();
  private maxSend = hs.originalMaxFrame;
  private announced = 0; // features
  private inForce = 0;
  private beats = false;
  private isMade = false;
  private finishSeen = false;
  private unknown = 0;
  private readonly updates = new TokenBucket(64, 20);
  private readonly began: number;
  private heard: number; // when a byte came last
  private frameBegan: number | undefined;
  private pinged: number;
  private stopChecks: () => void = () => {};

  constructor(
    private readonly program: Program,
    private readonly limits: Limits,
    readonly clock: Clock,
    private readonly link: Link,
  ) {
    this.began = this.heard = this.pinged = clock.now();
  }

  /** open begins the handshake, when the stream is up. */
  open(): void {
    this.announced = this.program.features();
    this.internal(id.init, (w) =>
      hs.writeInit(w, {
        version: hs.version,
        maxFrame: this.limits.maxFrame,
        heartbeat: this.limits.ping > 0,
        auth: false,
        features: this.announced,
      }),
    );
    this.checkLater();
  }

  /** take returns what is to be sent, and forgets it. */
  take(): Uint8Array<ArrayBuffer> {
    return this.out.take();
  }

  /** pending is how many bytes wait to be sent. */
  get pending(): number {
    return this.out.length + this.link.waiting();
  }

  /** maxPayload is the longest payload that the other side takes, in bytes. */
  get maxPayload(): number {
    return this.maxSend - idSize;
  }

  /** made is whether the handshake is done. */
  get made(): boolean {
    return this.isMade;
  }

  /** uses tells whether a feature is in force. */
  uses(feature: number): boolean {
    return this.table !== undefined && ((this.inForce >> feature) & 1) === 1;
  }

  /** detail is what the other side has told of a feature. */
  detail(feature: number): Uint8Array | undefined {
    return this.details.get(feature);
  }

  /** knows tells whether a packet can be sent: both sides have it. */
  knows(p: PacketType<any>): boolean {
    return this.table?.idOn(p) !== undefined;
  }

  /** send sends a packet. It throws a PacketmqError, and then has sent nothing. */
  send<T>(p: PacketType<T>, value: T): void {
    const wireId = this.sendable(p);
    this.frame(wireId, p, (w) => writePayload(w, p.type, value));
  }

  /** sendFeature sends a packet of a feature, which write appends. */
  sendFeature(feature: number, write: (w: Writer) => void): void {
    if (!this.uses(feature)) throw new PacketmqError("not_on_wire", `feature ${feature} is not in force on the conn`);
    this.checkRoom();
    this.frame(featureId(feature), undefined, write);
  }

  /** sendInside sends a payload of p in a packet of a feature, after its id. */
  sendInside(feature: number, p: PacketType<any>, payload: Uint8Array): void {
    const wireId = this.sendable(p);
    this.sendFeature(feature, (w) => {
      w.u16(wireId);
      w.raw(payload);
    });
  }

  /** handleInside handles the packet that is in r, after its id. */
  handleInside(r: Reader): void {
    const wireId = r.u16();
    this.inner.reset(r.bytes, r.pos, r.end);
    this.onProgramPacket(wireId, this.inner);
  }

  /** softquit ends the conn after what was sent, and tells the other side the reason. */
  softquit(reason: string = Reason.generic): void {
    this.finish("closed", reason);
  }

  /** fault ends the conn because of what the other side, or a handler, has done. */
  fault(reason: string, cause: unknown): void {
    this.finish("fault", reason, cause);
  }

  /** gone is told that the stream has ended, by whatever means. */
  gone(cause?: Error): void {
    this.finish("gone", "", cause);
    this.state = "disconnected";
  }

  /** receive takes the next bytes of the other side. They are valid during the call. */
  receive(chunk: Uint8Array): void {
    if (this.end) return;
    this.heard = this.clock.now();
    try {
      this.frames.push(chunk, (id, bytes, start, end) => {
        this.frameBegan = undefined;
        this.onFrame(id, this.reader.reset(bytes, start, end));
        return this.end === undefined;
      });
    } catch (err) {
      this.faultFor(err);
    }
    if (this.frames.begun) this.frameBegan ??= this.heard;
  }

  /** judge is asked about a frame when its length and id are known, before it is kept. */
  private judge(frameId: number, length: number): void {
    let max = this.limits.maxFrame;
    if (this.state !== "active") max = Math.min(max, payloadLimit(frameId) + idSize);
    if (length > max) throw new SizeError("frame", length, max, "a frame");
  }

  private onFrame(frameId: number, r: Reader): void {
    switch (frameId) {
      case id.init:
      case id.pubids:
      case id.finish:
      case id.softquit:
        if (r.end - r.pos > payloadLimit(frameId)) throw new ProtocolError(`packet ${frameId} is too long`);
        return this.onInternal(frameId, r);
      case id.ping:
      case id.pong:
        if (this.beats) return this.onHeartbeat(frameId, r);
        break;
      case id.update:
        if (this.uses(hs.Feature.optional)) return this.onUpdate(r);
        break;
      default: {
        const extension = frameId < id.update ? this.program.extension(12 - frameId + 3) : undefined;
        if (extension && this.uses(extension.feature)) {
          return this.admit() ? extension.packet(this, r) : undefined;
        }
      }
    }
    this.onProgramPacket(frameId, r);
  }

  private onInternal(frameId: number, r: Reader): void {
    if (frameId === id.softquit) {
      const m = hs.readSoftquit(r);
      this.finish("quit", m.reason, undefined, m.advice);
    } else if (frameId === id.init && this.state === "connMade") this.onInit(hs.readInit(r));
    else if (frameId === id.pubids && this.state === "idcheck") this.onPubids(hs.readPubids(r));
    else if (frameId === id.finish && this.state === "active" && !this.finishSeen) {
      if (!r.nil()) throw new PayloadError("a handshake_finish that is not nil");
      r.done();
      this.finishSeen = true;
      this.establish();
    } else throw new ProtocolError(`packet ${frameId} came out of turn`);
  }

  private onInit(m: hs.Init): void {
    if (m.version !== hs.version) return this.fault(Reason.versionMismatch, new ProtocolError(`the other side speaks version ${m.version}`));
    if (m.maxFrame > 0) this.maxSend = Math.min(m.maxFrame, this.limits.maxFrame);
    this.beats = m.heartbeat && this.limits.ping > 0;
    this.inForce = this.announced & m.features;
    this.state = "idcheck";
    const details = new Map<number, Uint8Array>();
    const has = (feature: number): boolean => ((this.inForce >> feature) & 1) === 1;
    const { registry, version } = this.program;
    if (has(hs.Feature.optional) && registry.optional.length > 0) {
      const w = new Writer();
      hs.writeIds(w, registry.optional);
      details.set(hs.Feature.optional, w.take());
    }
    if (has(hs.Feature.program) && version !== "") details.set(hs.Feature.program, new TextEncoder().encode(version));
    this.internal(id.pubids, (w) => {
      const start = w.length;
      hs.writePubids(w, registry, m.auth ? this.program.token() : undefined, details);
      if (w.length - start > hs.maxPubids) throw new SizeError("size", w.length - start, hs.maxPubids, "a list of the packets");
    });
  }

  private onPubids(m: hs.Pubids): void {
    if (m.adapt === undefined) return this.fault(Reason.unknown, new ProtocolError("the other side's policy is neither to adapt nor not to"));
    if (m.adapt) return this.fault(Reason.sameAdaptivePolicy, new ProtocolError("the other side adapts its ids, as this side does"));
    this.details = m.details;
    const detail = (feature: number): Uint8Array | undefined => (((this.inForce >> feature) & 1) === 1 ? m.details.get(feature) : undefined);
    const r = new Reader();
    let optional: ReturnType<typeof hs.readIds> | undefined;
    const told = detail(hs.Feature.optional);
    if (told) {
      optional = hs.readIds(r.reset(told));
      r.done();
    }
    const version = detail(hs.Feature.program);
    if (version && version.length <= 64) this.remoteVersion = new TextDecoder().decode(version);
    this.table = new Table(this.program.registry, m.ids, optional);
    this.internal(id.finish, (w) => w.nil());
    this.state = "active";
  }

  private onUpdate(r: Reader): void {
    if (!this.admit()) return;
    if (r.end - r.pos > hs.maxPubids) throw new ProtocolError("an update of the ids is too long");
    if (!this.updates.take(this.clock.now())) throw new ProtocolError("updates of the ids came too often");
    const m = hs.readUpdate(r);
    this.table!.update(m.add, m.drop);
    this.program.updated(this);
  }

  private onHeartbeat(frameId: number, r: Reader): void {
    const n = r.end - r.pos;
    if (n > hs.maxBeat) throw new ProtocolError("a heartbeat is too long");
    if (!this.isMade) return;
    if (frameId === id.ping) {
      if (this.pending > this.limits.maxPending) return; // else a side that sends heartbeats and reads nothing could fill the memory
      const payload = r.bytes.subarray(r.pos, r.end);
      return this.internal(id.pong, (w) => w.raw(payload));
    }
    if (n !== 9 || r.u8() !== 0xcf) throw new ProtocolError("an answer to no heartbeat of this side's");
    const ms = this.clock.now() - Number(r.u64()) / 1e6;
    if (ms > -1 && ms < 3_600_000) this.rtt = Math.max(ms, minRtt);
  }

  private onProgramPacket(wireId: number, r: Reader): void {
    if (!this.admit()) return;
    const p = this.table!.typeOf(wireId);
    if (!p) {
      if (++this.unknown > maxUnknown) throw new ProtocolError(`packets of ${this.unknown} unknown ids, the last one ${wireId}`);
      return;
    }
    const size = r.end - r.pos;
    if (p.options.maxSize !== undefined && size > p.options.maxSize) throw new PayloadError(`packet ${p.name} of ${size} bytes, at most ${p.options.maxSize} are taken`);
    const handler = this.program.handler(p);
    if (!handler) return;
    let value: unknown;
    try {
      value = readPayload(r, p.type);
    } catch (err) {
      throw err instanceof PacketmqError ? new PayloadError(`packet ${p.name}: ${err.message}`, { cause: err }) : err;
    }
    try {
      const result = handler(value, this, size);
      if (isPromise(result)) result.then(undefined, (err: unknown) => this.fault(Reason.handler, err));
    } catch (err) {
      if (err instanceof PacketmqError && (err.code === "payload" || err.code === "protocol" || err.code === "limit")) throw err;
      this.fault(Reason.handler, err);
    }
  }

  /**
   * admit throws if a packet of the program's may not come yet. It makes the conn, as finish does, and
   * is false if the program has ended the conn then.
   */
  private admit(): boolean {
    if (this.state !== "active") throw new ProtocolError("a packet came before the handshake was done");
    this.establish();
    return this.end === undefined;
  }

  private establish(): void {
    if (this.isMade) return;
    this.isMade = true;
    this.pinged = this.clock.now();
    this.program.made(this);
  }

  /** sendable is the id of a packet that can be sent now. */
  private sendable(p: PacketType<any>): number {
    if (this.state !== "active") throw new PacketmqError("not_active", "the conn is not active");
    const wireId = this.table!.idOn(p);
    if (wireId === undefined) throw new PacketmqError("not_on_wire", `packet ${p.name} is not known to ${this.program.registry.has(p) ? "the other side" : "this client"}`);
    this.checkRoom();
    return wireId;
  }

  private checkRoom(): void {
    if (this.state !== "active") throw new PacketmqError("not_active", "the conn is not active");
    if (this.pending > this.limits.maxPending) throw new PacketmqError("backpressure", `${this.pending} bytes wait to be sent`);
  }

  private frame(wireId: number, p: PacketType<any> | undefined, write: (w: Writer) => void): void {
    const max = Math.min(this.maxSend, (p?.options.maxSize ?? this.maxSend) + idSize);
    const empty = this.out.length === 0;
    writeFrame(this.out, wireId, max, p ? `packet ${p.name}` : "a packet", write);
    if (empty) this.link.wake();
  }

  private internal(frameId: number, write: (w: Writer) => void): void {
    const empty = this.out.length === 0;
    writeFrame(this.out, frameId, hs.maxPubids + idSize, "a packet", write);
    if (empty) this.link.wake();
  }

  /** faultFor ends the conn for an error that was thrown on the way of a packet. */
  private faultFor(err: unknown): void {
    if (err instanceof MismatchError) return this.fault(Reason.nonEqualPackets, err);
    const code = err instanceof PacketmqError ? err.code : "";
    const reason = code === "payload" ? Reason.payload : code === "protocol" ? Reason.protocol : code === "frame" ? Reason.frame : Reason.handler;
    this.fault(reason, err);
  }

  /** finish ends the conn, once. */
  private finish(kind: EndKind, reason: string, cause?: unknown, advice?: Advice): void {
    if (this.end) return;
    const end = new ConnEnd(kind, reason, advice, cause === undefined ? undefined : { cause });
    this.end = end;
    this.stopChecks();
    if (kind === "closed" || kind === "fault") this.internal(id.softquit, (w) => hs.writeSoftquit(w, reason));
    this.state = kind === "gone" ? "disconnected" : "softquitted";
    this.link.close(kind === "closed" || kind === "fault" ? reason : "");
    this.program.lost(this, end);
  }

  private checkLater(): void {
    this.stopChecks = this.clock.after(checkEvery, () => {
      this.check();
      if (!this.end) this.checkLater();
    });
  }

  /** check ends the conn if something has taken too long, and sends a heartbeat if one is due. */
  private check(): void {
    const now = this.clock.now();
    const over = (what: string, since: number, most: number): boolean => {
      if (most <= 0 || now - since < most) return false;
      this.fault(Reason.timeout, new PacketmqError("timeout", what));
      return true;
    };
    if (!this.isMade) return void over("the handshake was not done in time", this.began, this.limits.handshake);
    if (this.frameBegan !== undefined && over("a frame was not whole in time", this.frameBegan, this.limits.frameTime)) return;
    if (this.beats && over("nothing was heard for too long", this.heard, this.limits.idle)) return;
    if (this.beats && now - this.pinged >= this.limits.ping) {
      this.pinged = now;
      this.internal(id.ping, (w) => {
        w.u8(0xcf);
        w.u64(BigInt(Math.round(now * 1e6)));
      });
    }
  }
}

/** isPromise tells whether a handler's result comes later. */
export function isPromise<T>(v: T | PromiseLike<T>): v is PromiseLike<T> {
  return typeof (v as PromiseLike<T> | undefined | null)?.then === "function";
}

/** featureId is the id of a feature's packet. */
function featureId(feature: number): number {
  return 12 - (feature - 3);
}

/** payloadLimit bounds the payloads of internal packets, and of all others before the conn is active. */
function payloadLimit(frameId: number): number {
  switch (frameId) {
    case id.init:
      return hs.maxInit;
    case id.pubids:
      return hs.maxPubids;
    case id.finish:
      return hs.maxFinish;
    case id.ping:
    case id.pong:
      return hs.maxBeat;
  }
  return hs.maxSoftquit;
}
