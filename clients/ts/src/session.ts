// Session: a conversation that outlives its conns. What is sent in it arrives in order and
// exactly once, while both programs live.

import type { Client } from "./client.js";
import { decode, encode } from "./codec.js";
import type { Conn } from "./conn.js";
import { type ConnEnd, PacketmqError, PayloadError, SizeError } from "./errors.js";
import { Feature } from "./handshake.js";
import { Outbox, type SentPacket } from "./outbox.js";
import type { Reader } from "./reader.js";
import { Reason } from "./reason.js";
import type { PacketType } from "./registry.js";
import * as wire from "./session_wire.js";

/** Why a session has ended, or cannot take a packet. */
export type SessionCode =
  | "unknown" // the server has no such session (any more), or the secret is wrong
  | "denied" // the server does not let the client have it
  | "too_many" // the server has as many as it may
  | "count" // the sides have counted differently: one of them has lost its memory
  | "not_served" // the server has no sessions
  | "expired" // no conn carried the session for too long
  | "superseded" // another conn carries it now
  | "ended" // one of the programs has ended it: see reason
  | "full"; // as much waits to be acknowledged as may

/** SessionError is why a session has ended, or cannot take a packet. */
export class SessionError extends PacketmqError {
  constructor(
    readonly why: SessionCode,
    /** The word with which a program has ended the session; else empty. */
    readonly reason = "",
    options?: ErrorOptions,
  ) {
    super("session", `the session: ${why}${reason ? `: ${reason}` : ""}`, options);
  }
}

/** Settings of a Session. What is missing means the default. */
export interface SessionOptions {
  /** Packets of this side that may wait to be acknowledged. Default: 4,096. */
  readonly packets?: number;
  /** Bytes that their payloads may have together. Default: 262,144. */
  readonly bytes?: number;
  /** Milliseconds that the session waits for a conn. Default: 120,000. */
  readonly away?: number;
  /** Milliseconds that a packet of the server's waits at most before it is acknowledged. Default: 1,000. */
  readonly ackEvery?: number;
  /** The server has accepted the session. */
  readonly onNew?: (s: Session) => void;
  /** The session has lost its conn. What is sent meanwhile waits. */
  readonly onAway?: (s: Session, end: ConnEnd) => void;
  /** A conn carries it again, after so many milliseconds. */
  readonly onBack?: (s: Session, gap: number) => void;
  /** The session has ended, once. Unacked may have arrived or not. */
  readonly onEnd?: (s: Session, why: SessionError, unacked: SentPacket[]) => void;
}

/** Packets and bytes after which they are acknowledged, or a quarter of what the other side may keep if that is less. */
const ackPackets = 256;
const ackBytes = 16_384;

/** How long a conn that had no room is left alone, in milliseconds. */
const pumpEvery = 50;

/** What a packet of a session's has in front of its payload: its id. */
const wireIdSize = 2;

const refusals: Record<number, SessionCode> = { 1: "unknown", 2: "denied", 3: "too_many", 4: "count" };

/**
 * Session is a session of a client. Make it before the client connects, and give the client
 * `reconnect`: the session takes each conn that it makes. A client has one session at a time; with
 * its end the client is closed.
 */
export class Session {
  /** Resolves when the server has accepted the session, and rejects if it ends before. */
  readonly begun: Promise<void>;
  /** The conn that carries the session; undefined: it is away. */
  conn: Conn | undefined;

  private resolveBegun!: () => void;
  private rejectBegun!: (err: Error) => void;
  private readonly out: Outbox;
  private readonly window: wire.Window;
  private sessionId: Uint8Array | undefined; // undefined: the server has not accepted it yet
  private secret = crypto.getRandomValues(new Uint8Array(wire.secretSize)); // the nonce at first
  private attempts = 0;
  private candidate: Conn | undefined; // the conn on which the server was asked
  private over: SessionError | undefined;
  private received = 0; // packets of the server's that were handled
  private acked = 0; // of them, those that are acknowledged
  private unackedBytes = 0; // of the others
  private ackAfter = { packets: ackPackets, bytes: ackBytes };
  private awaySince: number;
  private stopWaiting: () => void = () => {};
  private stopAck: (() => void) | undefined;
  private pumping = false;

  constructor(
    private readonly client: Client,
    private readonly options: SessionOptions = {},
  ) {
    this.window = { packets: options.packets ?? 4096, bytes: options.bytes ?? 262_144 };
    this.out = new Outbox(this.window.packets, this.window.bytes);
    this.begun = new Promise((resolve, reject) => {
      this.resolveBegun = resolve;
      this.rejectBegun = reject;
    });
    this.begun.catch(() => {}); // onEnd tells it too
    this.awaySince = client.clock.now();
    placeOf(client).take(this);
    this.startWaiting();
  }

  /** The session's id, as Go prints it; empty until the server has accepted it. */
  get id(): string {
    return this.sessionId ? wire.idText(this.sessionId) : "";
  }

  get ended(): boolean {
    return this.over !== undefined;
  }

  /**
   * send sends a packet in the session. While that is away the packet waits. It throws a
   * SessionError of `ended` or `full`, or what Client.send does, and then has sent nothing.
   */
  send<T>(p: PacketType<T>, value: T): void {
    if (this.over) throw new SessionError("ended", this.over.reason);
    const payload = encode(p.type, value);
    const taken = this.conn ? this.conn.maxPayload - wireIdSize : Infinity;
    const max = Math.min(this.window.bytes, p.options.maxSize ?? Infinity, taken);
    if (payload.length > max) throw new SizeError("size", payload.length, max, `packet ${p.name}`);
    if (!this.out.hasRoom(payload.length)) throw new SessionError("full");
    if (this.conn && !this.conn.knows(p)) throw new PacketmqError("not_on_wire", `packet ${p.name} is not known to the other side`);
    this.out.add({ packet: p, payload });
    this.pump();
  }

  /** end ends the session on both sides, and closes the client. */
  end(reason: string = Reason.generic): void {
    this.finish(new SessionError("ended", reason), reason);
  }

  /** connMade asks the server to have the conn carry the session. For this module only. */
  connMade(conn: Conn): void {
    const served = conn.uses(Feature.session) && conn.detail(Feature.session)?.[0] === 1;
    if (!served) return this.finish(new SessionError("not_served"));
    this.candidate = conn;
    this.attempts++;
    conn.sendFeature(Feature.session, (w) => {
      if (this.sessionId) wire.writeResume(w, this.sessionId, this.secret, this.attempts, this.received, this.window);
      else wire.writeBegin(w, this.secret, this.attempts, this.window);
    });
  }

  connLost(conn: Conn, end: ConnEnd): void {
    if (this.candidate === conn) this.candidate = undefined;
    else if (this.conn === conn) {
      this.detach();
      this.awaySince = this.client.clock.now();
      this.startWaiting();
      this.tell("onAway", () => this.options.onAway?.(this, end));
    }
    if (end.kind === "quit" && end.reason === Reason.sessionSuperseded) this.finish(new SessionError("superseded"));
  }

  /** packet takes a packet of the feature. */
  packet(conn: Conn, r: Reader): void {
    const m = wire.readMessage(r);
    if (m.kind === "accepted" || m.kind === "refused") {
      if (this.candidate !== conn) throw new PayloadError("an answer about a session that was not asked for");
      if (m.kind === "accepted") return this.accepted(conn, m);
      return this.finish(new SessionError(refusals[m.why] ?? "denied"));
    }
    if (this.conn !== conn) throw new PayloadError("a packet of a session came where there is none");
    if (m.kind === "packet") this.handle(conn, r);
    else if (!this.out.ack(m.received)) this.finish(new SessionError("count"), Reason.sessionCount);
    else if (m.kind === "ack") this.pump();
    else this.finish(new SessionError(m.reason === Reason.sessionCount ? "count" : "ended", m.reason));
  }

  private accepted(conn: Conn, m: wire.Accepted): void {
    const first = this.sessionId === undefined;
    const same = first || this.sessionId!.every((b, i) => m.id[i] === b);
    this.candidate = undefined;
    if (m.resumed === first || !same || !this.out.ack(m.received)) {
      this.conn = conn; // at the server it carries the session already
      return this.finish(new SessionError("count"), Reason.sessionCount);
    }
    this.sessionId = m.id;
    this.secret = m.secret as Uint8Array<ArrayBuffer>;
    this.conn = conn;
    this.ackAfter = {
      packets: Math.min(ackPackets, Math.max(m.window.packets >> 2, 1)),
      bytes: Math.min(ackBytes, Math.max(m.window.bytes >>> 2, 1)),
    };
    this.stopWaiting();
    this.ack(); // which shows that the secret has arrived
    this.out.resend();
    this.pump();
    if (this.over) return;
    if (first) {
      this.resolveBegun();
      this.tell("onNew", () => this.options.onNew?.(this));
    } else this.tell("onBack", () => this.options.onBack?.(this, this.client.clock.now() - this.awaySince));
  }

  /** handle handles a packet of the session's. It counts before its handler is called, whatever becomes of that. */
  private handle(conn: Conn, r: Reader): void {
    this.received++;
    this.unackedBytes += r.end - r.pos;
    conn.handleInside(r);
    if (this.conn !== conn || conn.end) return;
    if (this.received - this.acked >= this.ackAfter.packets || this.unackedBytes >= this.ackAfter.bytes) this.ack();
    else this.stopAck ??= this.client.clock.after(this.options.ackEvery ?? 1000, () => this.ack());
  }

  /** ack tells the server what was handled. */
  private ack(): void {
    this.stopAck?.();
    this.stopAck = undefined;
    try {
      this.conn?.sendFeature(Feature.session, (w) => wire.writeAck(w, this.received));
      this.acked = this.received;
      this.unackedBytes = 0;
    } catch {
      this.stopAck = this.client.clock.after(pumpEvery, () => this.ack()); // there is no room
    }
  }

  /** pump gives the conn what waits for it. */
  private pump(): void {
    const conn = this.conn;
    if (!conn || this.pumping) return;
    try {
      this.out.unsent((p) => conn.sendInside(Feature.session, p.packet, p.payload));
    } catch (err) {
      const code = err instanceof PacketmqError ? err.code : "";
      if (code === "backpressure") {
        this.pumping = true;
        this.client.clock.after(pumpEvery, () => {
          this.pumping = false;
          this.pump();
        });
      } else if (code !== "not_active") this.finish(new SessionError("ended", "", { cause: err }), Reason.unknown);
    }
  }

  /** detach takes the session off its conn. */
  private detach(): void {
    this.conn = undefined;
    this.stopAck?.();
    this.stopAck = undefined;
    this.acked = this.received; // accepted tells, or ack when a conn is there again
    this.unackedBytes = 0;
  }

  /** tell calls a function of the program's. What it throws ends nothing. */
  private tell(name: string, f: () => void): void {
    try {
      f();
    } catch (err) {
      this.client.report(`${name} of the session has failed`, err);
    }
  }

  private startWaiting(): void {
    this.stopWaiting();
    this.stopWaiting = this.client.clock.after(this.options.away ?? 120_000, () => this.finish(new SessionError("expired")));
  }

  /** finish ends the session, once. The other side is told a reason, if there is one. */
  private finish(why: SessionError, tell?: string): void {
    if (this.over) return;
    this.over = why;
    this.stopWaiting();
    const unacked = this.out.packets();
    if (tell !== undefined) {
      try {
        this.conn?.sendFeature(Feature.session, (w) => wire.writeEnd(w, this.received, tell));
      } catch {
        // The conn ends, and the server finds out when the session expires.
      }
    }
    this.detach();
    this.candidate = undefined;
    this.rejectBegun(why);
    this.client.close(Reason.sessionOver);
    this.tell("onEnd", () => this.options.onEnd?.(this, why, unacked));
  }
}

/** decodeSent is the value of a packet that was not acknowledged; undefined: it is of another type. */
export function decodeSent<T>(sent: SentPacket, p: PacketType<T>): T | undefined {
  return sent.packet === p ? decode(p.type, sent.payload) : undefined;
}

/** The Place of a Client's session, for as long as the client lives. */
const places = new WeakMap<Client, Place>();

function placeOf(client: Client): Place {
  let p = places.get(client);
  if (!p) places.set(client, (p = new Place(client)));
  return p;
}

/** Place has the session of a client, and gives it the client's conns. */
class Place {
  private session: Session | undefined;

  constructor(client: Client) {
    client.extend({ feature: Feature.session, packet: (conn, r) => this.session?.packet(conn, r) });
    client.on("made", (conn) => {
      if (this.session && !this.session.ended) this.session.connMade(conn);
    });
    client.on("lost", (end, conn) => this.session?.connLost(conn, end));
  }

  take(s: Session): void {
    if (this.session && !this.session.ended) throw new PacketmqError("registry", "the client has a session that has not ended");
    this.session = s;
  }
}
