// A world for tests: a clock that the test moves, and sockets whose other side the test plays.

import assert from "node:assert/strict";

import { Client, type ClientOptions } from "../src/client.js";
import type { Clock } from "../src/clock.js";
import { encode } from "../src/codec.js";
import { FrameReader, writeFrame } from "../src/frame.js";
import { Feature, writeInit } from "../src/handshake.js";
import { id, internalNames, type Definition } from "../src/registry.js";
import type { WebSocketLike } from "../src/socket.js";
import { t, type Type } from "../src/types.js";
import { Writer } from "../src/writer.js";
import { toHex } from "./vectors.js";

/** ManualClock is a clock that tests move. */
export class ManualClock implements Clock {
  private time = 1000;
  private timers: { at: number; f: () => void }[] = [];

  now(): number {
    return this.time;
  }

  after(ms: number, f: () => void): () => void {
    const timer = { at: this.time + ms, f };
    this.timers.push(timer);
    return () => void (this.timers = this.timers.filter((t) => t !== timer));
  }

  /** advance lets time pass, and timers go off at their times. */
  async advance(ms: number): Promise<void> {
    const end = this.time + ms;
    for (;;) {
      await settle();
      const due = this.timers.filter((t) => t.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.timers = this.timers.filter((t) => t !== due);
      this.time = Math.max(this.time, due.at);
      due.f();
    }
    this.time = end;
  }

  get waiting(): number {
    return this.timers.length;
  }
}

/** settle lets everything happen that is due. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export interface Frame {
  readonly id: number;
  readonly hex: string;
  readonly payload: Uint8Array;
}

/** What the test's side of a conn says of itself. */
export interface ServerOptions {
  /** Names and ids, in place of the client's own moved by 100. */
  readonly ids?: Record<string, number>;
  readonly features?: number;
  readonly details?: Map<number, Uint8Array>;
  readonly heartbeat?: boolean;
  readonly auth?: boolean;
  readonly maxFrame?: number;
}

/** FakeSocket is a WebSocket whose other side the test plays. */
export class FakeSocket implements WebSocketLike {
  binaryType = "";
  bufferedAmount = 0;
  onopen: ((event: any) => void) | null = null;
  onmessage: ((event: any) => void) | null = null;
  onclose: ((event: any) => void) | null = null;
  onerror: ((event: any) => void) | null = null;
  /** Frames that the client has sent and the test has not taken. */
  readonly frames: Frame[] = [];
  messages = 0;
  closedWith: [code?: number, reason?: string] | undefined;
  private readonly reader = new FrameReader(() => {});

  constructor(
    readonly url: string,
    readonly protocols: string[],
  ) {}

  send(data: Uint8Array): void {
    this.messages++;
    this.reader.push(data, (id, bytes, start, end) => {
      const payload = bytes.slice(start, end);
      this.frames.push({ id, hex: toHex(payload), payload });
      return true;
    });
  }

  close(code?: number, reason?: string): void {
    this.closedWith = [code, reason];
  }

  /** open lets the WebSocket come up. */
  open(): void {
    this.onopen?.({});
  }

  /** end ends it from the other side. */
  end(code = 1006, reason = ""): void {
    this.onclose?.({ code, reason });
  }

  /** deliver has a frame arrive. */
  deliver(frameId: number, payload: Uint8Array): void {
    const w = new Writer();
    writeFrame(w, frameId, 1 << 30, "", (w) => w.raw(payload));
    this.deliverBytes(w.take());
  }

  deliverBytes(b: Uint8Array<ArrayBuffer>): void {
    this.onmessage?.({ data: b.buffer.slice(b.byteOffset, b.byteOffset + b.length) });
  }

  /** next takes the next frame of the client's. */
  next(): Frame {
    const f = this.frames.shift();
    assert.ok(f, "the client has sent nothing more");
    return f;
  }

  /** want takes the next frame, and compares it. */
  want(id: number, hex: string): void {
    const f = this.next();
    assert.deepEqual([f.id, f.hex], [id, hex]);
  }
}

const initOf = (o: ServerOptions): Uint8Array => {
  const w = new Writer();
  writeInit(w, { version: 1, maxFrame: o.maxFrame ?? 1_048_576, heartbeat: o.heartbeat ?? true, auth: o.auth ?? false, features: o.features ?? 0x1d });
  return w.take();
};

/** pubidsOf is handshake_pubids of a side that insists. */
export function pubidsOf(ids: Record<string, number>, details = new Map<number, Uint8Array>(), adapt = false): Uint8Array {
  const w = new Writer();
  w.map(details.size > 0 ? 3 : 2);
  w.text("adapt");
  w.bool(adapt);
  w.text("idmap");
  const all = { ...Object.fromEntries(internalNames.map((name, id) => [name, id])), ...ids };
  w.map(Object.keys(all).length);
  for (const [name, id] of Object.entries(all)) (w.text(name), w.int(id));
  if (details.size > 0) {
    w.text("details");
    w.map(details.size);
    for (const [bit, b] of details) (w.int(bit), w.bin(b));
  }
  return w.take();
}

export function softquitOf(fields: Record<string, unknown>): Uint8Array {
  return encode(t.any, fields);
}

/** idsOf are a client's packets with ids that are larger by 100. */
export function idsOf(packets: readonly Definition[]): Record<string, number> {
  return Object.fromEntries(packets.flatMap((d) => d.packets).filter((p) => !p.options.optional).map((p) => [p.name, p.id + 100]));
}

/** World has a client and its sockets. */
export class World {
  readonly clock = new ManualClock();
  readonly sockets: FakeSocket[] = [];
  readonly client: Client;
  readonly told: string[] = [];

  constructor(
    readonly packets: readonly Definition[],
    options: ClientOptions = {},
  ) {
    const { sockets } = this;
    this.client = new Client(packets, {
      clock: this.clock,
      WebSocket: class extends FakeSocket {
        constructor(url: string, protocols: string[]) {
          super(url, protocols);
          sockets.push(this);
        }
      },
      ...options,
    });
    this.client.on("made", () => this.told.push("made"));
    this.client.on("lost", (end) => this.told.push(`lost: ${end.message}`));
    this.client.on("failed", (err) => this.told.push(`failed: ${err.message}`));
    this.client.on("updated", () => this.told.push("updated"));
  }

  get socket(): FakeSocket {
    return this.sockets[this.sockets.length - 1]!;
  }

  /** connect has the client connect, and does the handshake. */
  async connect(o: ServerOptions = {}): Promise<FakeSocket> {
    const connected = this.client.connect("ws://test/");
    connected.catch(() => {});
    await settle();
    await this.accept(o);
    return this.socket;
  }

  /** accept does the handshake on the newest socket. */
  async accept(o: ServerOptions = {}): Promise<FakeSocket> {
    const s = this.socket;
    s.open();
    s.deliver(id.init, initOf(o));
    s.deliver(id.pubids, pubidsOf(o.ids ?? idsOf(this.packets), o.details));
    s.deliver(id.finish, Uint8Array.of(0xc0));
    await settle();
    const got = s.frames.splice(0).map((f) => f.id);
    assert.deepEqual(got.slice(0, 3), [id.init, id.pubids, id.finish]);
    return s;
  }
}

/** served are the details of a side that serves sessions. */
export const served = new Map([[Feature.session as number, Uint8Array.of(1)]]);

/** payload is the payload of a value. */
export function payload<T>(type: Type<T>, v: T): Uint8Array {
  return encode(type, v);
}
