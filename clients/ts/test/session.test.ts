import assert from "node:assert/strict";
import { test } from "node:test";

import { encode } from "../src/codec.js";
import { PacketmqError } from "../src/errors.js";
import { definePacket, id } from "../src/registry.js";
import { decodeSent, Session, SessionError, type SessionOptions } from "../src/session.js";
import { t } from "../src/types.js";
import { type FakeSocket, idsOf, pubidsOf, served, settle, softquitOf, World } from "./helper.js";
import { fromHex, toHex, vectors } from "./vectors.js";

const all = vectors("session");
const say = definePacket("chat:say", 30, t.str);
const heard = definePacket("chat:heard", 31, t.str);
const sessionId = 12;
const hexOf = (name: string): string => toHex(all.get(name)!);

class Stage {
  readonly w: World;
  readonly told: string[] = [];
  readonly session: Session;

  constructor(options: SessionOptions = {}, onError?: (what: string) => void) {
    this.w = new World([say, heard], { reconnect: { min: 10, max: 10 }, ...(onError ? { onError } : {}) });
    this.w.client.handle(heard, (text) => this.told.push(text));
    this.session = new Session(this.w.client, {
      onNew: (s) => this.told.push(`new ${s.id}`),
      onAway: () => this.told.push("away"),
      onBack: (_, gap) => this.told.push(`back after ${gap}`),
      onEnd: (_, why, unacked) => this.told.push(`end: ${why.why} ${why.reason} [${unacked.map((p) => decodeSent(p, say))}]`),
      ...options,
    });
  }

  get socket(): FakeSocket {
    return this.w.socket;
  }

  /** begin has the server accept the session. */
  async begin(): Promise<void> {
    const s = await this.w.connect({ details: served });
    s.frames.length = 0;
    s.deliver(sessionId, all.get("accepted-new")!);
    await settle();
    s.want(sessionId, "0005" + "0".repeat(16));
  }

  /** back has the client come back, to a server that has handled so many packets. */
  async back(received: number): Promise<void> {
    this.socket.end();
    await this.w.clock.advance(20);
    const s = this.socket;
    await this.accept();
    s.deliver(sessionId, fromHex(hexOf("accepted-resumed").replace(/0000000000000002(0000100000040000)$/, received.toString(16).padStart(16, "0") + "$1")));
    await settle();
  }

  /** accept does the handshake of the next conn, and keeps what the client asks then. */
  async accept(): Promise<void> {
    const s = this.socket;
    s.open();
    s.deliver(id.init, fromHex("82a776657273696f6e01a866656174757265731d"));
    s.deliver(id.pubids, pubidsOf(idsOf(this.w.packets), served));
    s.deliver(id.finish, fromHex("c0"));
    await settle();
    s.frames.splice(0, 3);
  }

  deliver(text: string): void {
    this.socket.deliver(sessionId, Uint8Array.of(0, 131, ...encode(t.str, text)));
  }

  /** said are the packets of the session that the client has sent. */
  said(): string[] {
    const texts = this.socket.frames.filter((f) => f.id === sessionId && f.hex.startsWith("0082")).map((f) => Buffer.from(f.payload.subarray(3)).toString());
    this.socket.frames.length = 0;
    return texts;
  }
}

test("a session is asked for and begun, as one of the Go library's", async () => {
  const st = new Stage();
  st.session.send(say, "early");
  await st.w.connect({ details: served });
  const { begun } = st.session;
  st.socket.deliver(sessionId, all.get("accepted-new")!);
  await begun;
  await settle();
  st.socket.want(sessionId, "0005" + "0".repeat(16));
  assert.deepEqual(st.said(), ["early"]);
  assert.equal(st.session.id, "1-2-3");
  assert.deepEqual(st.told, ["new 1-2-3"]);
});

test("the request for a session has the Go library's form", async () => {
  const st = new Stage();
  const connected = st.w.client.connect("ws://test/");
  await settle();
  await st.accept();
  await connected;
  const f = st.socket.next();
  assert.equal(f.hex.slice(0, 4) + f.hex.slice(36), hexOf("begin").slice(0, 4) + hexOf("begin").slice(36));
  st.socket.deliver(sessionId, all.get("accepted-new")!);
  for (let i = 0; i < 5; i++) st.deliver("x");
  await st.back(0);
  assert.equal(st.socket.next().hex, hexOf("resume"));
});

test("over a lost conn nothing is lost, doubled, or out of order", async () => {
  const st = new Stage();
  await st.begin();
  for (const text of ["a", "b", "c"]) st.session.send(say, text);
  st.deliver("1");
  st.deliver("2");
  await settle();
  assert.deepEqual(st.said(), ["a", "b", "c"]);
  st.socket.end();
  st.session.send(say, "d");
  assert.equal(st.session.conn, undefined);
  st.session.send(say, "e");
  await st.back(2); // the server has handled a and b
  st.session.send(say, "f");
  await settle();
  st.socket.next(); // resume
  st.socket.want(sessionId, "0005" + "0".repeat(15) + "2"); // 1 and 2 were handled
  assert.deepEqual(st.said(), ["c", "d", "e", "f"]);
  st.deliver("3");
  assert.match(st.told.join("; "), /^new 1-2-3; 1; 2; away; back after \d+; 3$/);
});

test("packets are acknowledged after a second, or when they are many", async () => {
  const st = new Stage();
  await st.begin();
  st.deliver("x");
  await st.w.clock.advance(999);
  assert.equal(st.socket.frames.length, 0);
  await st.w.clock.advance(1);
  st.socket.want(sessionId, "0005" + "0".repeat(15) + "1");
  for (let i = 0; i < 256; i++) st.deliver("x");
  await settle();
  st.socket.want(sessionId, "0005" + "0".repeat(13) + "101");
  st.deliver("x".repeat(20_000));
  await settle();
  st.socket.want(sessionId, "0005" + "0".repeat(13) + "102");
});

test("what waits to be acknowledged has a bound", async () => {
  const st = new Stage({ packets: 3, bytes: 100 });
  await st.begin();
  for (const text of ["a", "b", "c"]) st.session.send(say, text);
  assert.throws(() => st.session.send(say, "d"), (err: SessionError) => err.why === "full");
  await settle();
  st.socket.deliver(sessionId, fromHex("0005" + "0".repeat(15) + "2"));
  st.session.send(say, "d");
  assert.throws(() => st.session.send(say, "x".repeat(101)), (err: PacketmqError) => err.code === "size");
  assert.throws(() => st.session.send(say, "x".repeat(98)), (err: SessionError) => err.why === "full");
  await settle();
  assert.deepEqual(st.said(), ["a", "b", "c", "d"]);
});

test("either side ends the session", async () => {
  const there = new Stage();
  await there.begin();
  for (let i = 0; i < 9; i++) there.session.send(say, String(i));
  there.socket.deliver(sessionId, all.get("end")!);
  assert.deepEqual(there.told.slice(1), ["end: ended reason.bye [7,8]"]);
  assert.throws(() => there.session.send(say, "x"), (err: SessionError) => err.why === "ended");
  assert.deepEqual(there.socket.closedWith, [1000, "reason.session.over"]);

  const here = new Stage();
  await here.begin();
  here.session.send(say, "a");
  here.session.end("reason.bye");
  assert.deepEqual(here.told.slice(1), ["end: ended reason.bye [a]"]);
  here.socket.frames.shift();
  here.socket.want(sessionId, hexOf("end").replace("07726561", "00726561"));
  here.socket.want(id.softquit, toHex(softquitOf({ reason: "reason.session.over" })));
  await here.w.clock.advance(60_000);
  assert.equal(here.w.sockets.length, 1, "the client does not come back");
  assert.equal(here.w.clock.waiting, 0);
});

test("a session that the server does not accept ends", async () => {
  for (const [hex, why] of [
    ["000401", "unknown"],
    ["000402", "denied"],
    ["000403", "too_many"],
    ["000404", "count"],
  ] as const) {
    const st = new Stage();
    await st.w.connect({ details: served });
    st.socket.deliver(sessionId, fromHex(hex));
    assert.deepEqual(st.told, [`end: ${why}  []`]);
    await assert.rejects(st.session.begun, (err: SessionError) => err.why === why);
  }
  for (const o of [{}, { details: served, features: 5 }]) {
    const st = new Stage();
    await st.w.connect(o);
    assert.deepEqual(st.told, ["end: not_served  []"]);
  }
});

test("counts that cannot be end it, and the other side is told", async () => {
  const ack = new Stage();
  await ack.begin();
  ack.socket.deliver(sessionId, fromHex("0005" + "0".repeat(15) + "1"));
  assert.deepEqual(ack.told.slice(1), ["end: count  []"]);
  assert.match(ack.socket.next().hex, /^0006/);

  const resumed = new Stage();
  await resumed.begin();
  await resumed.back(5);
  assert.deepEqual(resumed.told.slice(2), ["end: count  []"]);

  const fresh = new Stage();
  await fresh.begin();
  fresh.socket.end();
  await fresh.w.clock.advance(20);
  await fresh.accept();
  fresh.socket.deliver(sessionId, all.get("accepted-new")!);
  assert.deepEqual(fresh.told.slice(2), ["end: count  []"]);
});

test("a session ends when nobody comes back, and when another conn has it", async () => {
  const st = new Stage({ away: 5000 });
  await st.begin();
  st.socket.end();
  await st.w.clock.advance(5000);
  assert.deepEqual(st.told.slice(1), ["away", "end: expired  []"]);
  assert.equal(st.w.clock.waiting, 0);

  const other = new Stage();
  await other.begin();
  other.socket.deliver(id.softquit, softquitOf({ reason: "reason.session.superseded" }));
  assert.deepEqual(other.told.slice(1), ["away", "end: superseded  []"]);
});

test("what can be no message of a session ends the conn", async () => {
  for (const hex of ["00", "0009", "000500", "0003", "000401ff", "0006" + "00".repeat(7), "0001" + "00".repeat(28)]) {
    const st = new Stage();
    await st.begin();
    st.socket.deliver(sessionId, fromHex(hex));
    assert.match(st.w.told[1] ?? "", /reason.payload/, hex);
  }
  for (const hex of ["008201", "0005" + "00".repeat(8), "0006" + "00".repeat(8)]) {
    const st = new Stage();
    await st.w.connect({ details: served });
    st.socket.deliver(sessionId, fromHex(hex));
    assert.match(st.w.told[1] ?? "", /reason.payload/, hex);
  }
});

test("a function of the program's that throws ends nothing", async () => {
  const fails = (): void => {
    throw new Error("on purpose");
  };
  const st = new Stage({ onNew: fails, onAway: fails, onBack: fails, onEnd: fails }, (what) => st.told.push(what));
  await st.begin();
  await st.back(0);
  assert.ok(st.session.conn);
  st.session.end();
  assert.deepEqual(st.told, ["onNew", "onAway", "onBack", "onEnd"].map((name) => `${name} of the session has failed`));
});

test("a client has one session at a time", async () => {
  const st = new Stage();
  assert.throws(() => new Session(st.w.client), PacketmqError);
  st.session.end();
  new Session(st.w.client).end();
});
