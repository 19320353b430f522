// Mirror: the values of a state of the server's, of each key the latest.

import type { Client } from "./client.js";
import type { Conn } from "./conn.js";
import { PacketmqError } from "./errors.js";
import { Feature } from "./handshake.js";
import type { Reader, Whole } from "./reader.js";
import { type Definition, definePacket, type PacketOptions, type PacketType } from "./registry.js";
import type { Type } from "./types.js";

/** StateType is the definition of a state's values. Make it with defineState. */
export interface StateType<T, K extends Whole> extends Definition {
  readonly packet: PacketType<T>;
  readonly key: (v: T) => K;
}

/** defineState defines the values of a state by the name, id and type of their packet, and by their key: a whole number from 0. */
export function defineState<T, K extends Whole>(name: string, id: number, type: Type<T>, key: (v: T) => K, options?: PacketOptions): StateType<T, K> {
  const packet = definePacket(name, id, type, options);
  return { packet, key, packets: [packet] };
}

/** What a Mirror tells. */
export interface MirrorOptions<T, K extends Whole> {
  /** A key has a value. */
  readonly set?: (v: T, key: K) => void;
  /** A key has no value any more; this was the last one. */
  readonly deleted?: (key: K, last: T) => void;
  /** A snapshot is complete. */
  readonly synced?: () => void;
  /** How many keys there may be; a conn that brings more ends. Default: 262,144. */
  readonly keys?: number;
  /** How many bytes the values may have, encoded, and 64 for each of them; a conn that brings more ends. Default: 64 MiB. */
  readonly bytes?: number;
}

const defaultKeys = 262_144;
const defaultBytes = 64 * 1024 * 1024;

/** What a value counts towards MirrorOptions.bytes besides its payload. */
const entrySize = 64;

/** Entry is a value, the snapshot in which it was told or since when, and what it counts. */
interface Entry<T> {
  readonly value: T;
  readonly turn: number;
  readonly size: number;
}

/** States that one conn may have this side follow. */
const maxStreams = 256;

/** How long until an acknowledgement is sent again for which there was no room, in milliseconds. */
const retryAfter = 50;

/** The number of no tick: an acknowledgement of it asks for a snapshot. */
const beginAgain = 0;

/** The longest name of a stream, in characters. */
const maxName = 256;

const Kind = { begins: 0, ticked: 1, complete: 2, removes: 3, ends: 4, acks: 5 } as const;

/** Mirror is a map of the values that the server's state has, as far as this side sees them. */
export class Mirror<T, K extends Whole> {
  /** The values by their keys. */
  readonly values: ReadonlyMap<K, T>;
  /** Whether a snapshot is complete, and changes to it come on a conn that is not lost. */
  synced = false;

  private readonly latest = new Map<K, T>();
  private readonly entries = new Map<K, Entry<T>>(); // the same
  private bytes = 0;
  private turn = 0; // of the last snapshot
  private big = false; // the keys are bigint
  private readonly maxKeys: number;
  private readonly maxBytes: number;

  /**
   * Make the first mirror of a client before that connects. It stays as it is when the conn is lost; the
   * snapshot on the next one replaces it. There can be one for each state.
   */
  constructor(
    private readonly client: Client,
    readonly state: StateType<T, K>,
    private readonly options: MirrorOptions<T, K> = {},
  ) {
    this.values = this.latest;
    this.maxKeys = options.keys ?? defaultKeys;
    this.maxBytes = options.bytes ?? defaultBytes;
    const follows = followsOf(client);
    follows.add(state.packet.name, this);
    // What comes on a conn for the state, and was followed by no mirror, begins again.
    client.handle(state.packet, (v, conn, size) => {
      const stream = follows.streamsOf(conn).named(state.packet.name);
      if (!stream?.begun) throw new PacketmqError("state", `a value of ${state.packet.name} came before its snapshot`);
      if (stream.mirror === this && stream.turn === this.turn) this.put(v, size + entrySize);
    });
  }

  /** close has the mirror follow nothing that begins from now on. It keeps what it has. */
  close(): void {
    followsOf(this.client).remove(this.state.packet.name, this);
  }

  /** begin begins a snapshot, and returns its number. For this module only, as are the others. */
  begin(): number {
    this.synced = false;
    return ++this.turn;
  }

  remove(turn: number, keys: readonly Whole[]): void {
    if (turn !== this.turn) return;
    for (const key of keys) this.take((this.big ? BigInt(key) : key) as K);
  }

  complete(turn: number): void {
    if (turn !== this.turn) return;
    this.takeOld();
    this.synced = true;
    this.options.synced?.();
  }

  end(turn: number): void {
    if (turn !== this.turn) return;
    this.turn++; // what comes now is of no snapshot
    this.synced = false;
    this.takeOld();
  }

  lost(turn: number): void {
    if (turn === this.turn) this.synced = false;
  }

  private put(value: T, size: number): void {
    const key = this.state.key(value);
    this.big = typeof key === "bigint";
    if (this.lacks(key, size) && !this.synced) this.takeOld(); // what the snapshot replaces need not stay until it is complete
    const what = this.lacks(key, size);
    if (what) throw new PacketmqError("limit", `state ${this.state.packet.name} has more than ${what}`);
    this.bytes += size - (this.entries.get(key)?.size ?? 0);
    this.entries.set(key, { value, turn: this.turn, size });
    this.latest.set(key, value);
    this.options.set?.(value, key);
  }

  /** lacks is what there is no room for a value in; undefined: there is room. */
  private lacks(key: K, size: number): string | undefined {
    const old = this.entries.get(key);
    if (!old && this.entries.size >= this.maxKeys) return `${this.maxKeys} keys`;
    return this.bytes + size - (old?.size ?? 0) > this.maxBytes ? `${this.maxBytes} bytes` : undefined;
  }

  private take(key: K): void {
    const last = this.entries.get(key);
    if (!last) return;
    this.entries.delete(key);
    this.latest.delete(key);
    this.bytes -= last.size;
    this.options.deleted?.(key, last.value);
  }

  /** takeOld takes out all values that the snapshot has not told. */
  private takeOld(): void {
    for (const [key, { turn }] of [...this.entries]) if (turn !== this.turn) this.take(key);
  }
}

/** The Follows of a Client, for as long as that lives. */
const allFollows = new WeakMap<Client, Follows>();

function followsOf(client: Client): Follows {
  let f = allFollows.get(client);
  if (!f) allFollows.set(client, (f = new Follows(client)));
  return f;
}

/** A mirror, whatever its types. */
type AnyMirror = Pick<Mirror<any, any>, "begin" | "remove" | "complete" | "end" | "lost">;

/** Follows are the mirrors of a client. */
class Follows {
  private readonly mirrors = new Map<string, AnyMirror>(); // by the names of their packets
  private readonly conns = new Map<Conn, Streams>();

  constructor(client: Client) {
    client.extend({ feature: Feature.state, packet: (conn, r) => this.streamsOf(conn).handle(r) });
    client.on("lost", (_end, conn) => {
      this.conns.get(conn)?.lost();
      this.conns.delete(conn);
    });
  }

  add(name: string, m: AnyMirror): void {
    if (this.mirrors.has(name)) throw new PacketmqError("registry", `there is a mirror of ${name} already`);
    this.mirrors.set(name, m);
    for (const streams of this.conns.values()) streams.adopt(name);
  }

  remove(name: string, m: AnyMirror): void {
    if (this.mirrors.get(name) === m) this.mirrors.delete(name);
  }

  mirrorOf(name: string): AnyMirror | undefined {
    return this.mirrors.get(name);
  }

  streamsOf(conn: Conn): Streams {
    let s = this.conns.get(conn);
    if (!s) this.conns.set(conn, (s = new Streams(conn, this)));
    return s;
  }
}

/** Stream is what comes of the values of one packet. */
interface Stream {
  readonly number: number;
  readonly name: string;
  mirror: AnyMirror | undefined; // undefined: nobody follows, and ticks are not acknowledged
  begun: boolean;
  turn: number; // which of the mirror's snapshots this is
  last: Whole; // the last tick that came while nobody followed
  asked: boolean; // the other side was asked to begin again
  owed: Whole[]; // acknowledgements for which there was no room: of the last tick, and beginAgain
}

/** Streams are those of one conn. */
class Streams {
  private readonly byNumber = new Map<number, Stream>();
  private readonly byName = new Map<string, Stream>();

  constructor(
    private readonly conn: Conn,
    private readonly follows: Follows,
  ) {}

  named(name: string): Stream | undefined {
    return this.byName.get(name);
  }

  lost(): void {
    for (const s of this.byName.values()) s.mirror?.lost(s.turn);
  }

  /** handle takes a message of the source's. */
  handle(r: Reader): void {
    const n = r.array();
    if (n < 2) throw new PacketmqError("state", `a message of a state of ${n} elements`);
    const kind = r.int();
    const number = r.int();
    if (kind === Kind.begins && n === 3) this.onBegin(number, r.text());
    else if (kind === Kind.acks) throw new PacketmqError("state", "an acknowledgement of a state that this side does not have");
    else this.onMessage(kind, n, number, r);
    r.leave();
    r.done();
  }

  private onBegin(number: number, name: string): void {
    if (name.length > maxName) throw new PacketmqError("state", `a stream of a state with a name of ${name.length} characters`);
    let s = this.byNumber.get(number);
    if (s ? s.name !== name : this.byName.has(name)) throw new PacketmqError("state", "a stream of a state has changed its name");
    if (!s) {
      if (this.byNumber.size >= maxStreams) throw new PacketmqError("limit", `more than ${maxStreams} states`);
      s = { number, name, mirror: undefined, begun: false, turn: 0, last: 0, asked: false, owed: [] };
      this.byNumber.set(number, s);
      this.byName.set(name, s);
    }
    const mirror = this.follows.mirrorOf(name);
    if (s.mirror !== mirror) s.mirror?.lost(s.turn);
    s.mirror = mirror;
    s.begun = true;
    s.asked = false;
    s.last = 0;
    if (s.mirror) s.turn = s.mirror.begin();
  }

  private onMessage(kind: number, n: number, number: number, r: Reader): void {
    const s = this.byNumber.get(number);
    if (!s?.begun) throw new PacketmqError("state", "a message of a state that was not begun");
    if ((kind === Kind.ticked || kind === Kind.complete) && n === 3) {
      const tick = r.whole();
      if (!s.mirror) {
        s.last = tick;
        if (!s.asked) return;
      } else if (kind === Kind.complete) s.mirror.complete(s.turn);
      this.ack(s, tick);
    } else if (kind === Kind.removes && n > 2 && n <= 2 + 256) {
      const keys: Whole[] = [];
      for (let i = 2; i < n; i++) keys.push(r.whole());
      s.mirror?.remove(s.turn, keys);
    } else if (kind === Kind.ends && n === 2) {
      s.begun = false;
      s.mirror?.end(s.turn);
    } else throw new PacketmqError("state", `a message of a state of kind ${kind} with ${n} elements`);
  }

  /** adopt asks the other side to begin again with a state that nobody has followed. */
  adopt(name: string): void {
    const s = this.byName.get(name);
    if (!s?.begun || s.mirror || s.asked) return;
    s.asked = true;
    if (s.last > 0) this.ack(s, s.last);
    this.ack(s, beginAgain);
  }

  /** ack acknowledges a tick, and those before it. Without it nothing more would come, so it is tried until there is room. */
  private ack(s: Stream, tick: Whole): void {
    const waits = s.owed.length > 0;
    s.owed = s.owed.filter((owed) => (owed === beginAgain) !== (tick === beginAgain));
    s.owed.push(tick);
    if (!waits) this.pay(s);
  }

  /** pay sends what is owed. */
  private pay(s: Stream): void {
    while (s.owed.length > 0 && this.conn.state === "active") {
      const tick = s.owed[0]!;
      try {
        this.conn.sendFeature(Feature.state, (w) => {
          w.array(3);
          w.int(Kind.acks);
          w.int(s.number);
          if (typeof tick === "bigint") w.bigint(tick);
          else w.int(tick);
        });
      } catch {
        this.conn.clock.after(retryAfter, () => this.pay(s));
        return;
      }
      s.owed.shift();
    }
  }
}
