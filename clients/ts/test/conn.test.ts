import assert from "node:assert/strict";
import { test } from "node:test";

import { encode } from "../src/codec.js";
import { ConnEnd, MismatchError, PacketmqError, SizeError } from "../src/errors.js";
import { Feature } from "../src/handshake.js";
import { definePacket, id } from "../src/registry.js";
import { t } from "../src/types.js";
import { idsOf, pubidsOf, settle, softquitOf, World } from "./helper.js";
import { fromHex, toHex, vectors } from "./vectors.js";

const all = vectors("handshake");
const ping = definePacket("app:ping", 17, t.str);
const pong = definePacket("app:pong", 18, t.str);
const extra = definePacket("app:extra", 70, t.str, { optional: true });

/** connecting is a world whose client has a socket that is up. */
async function connecting(packets = [ping, pong], options = {}): Promise<{ w: World; rejected: Promise<unknown> }> {
  const w = new World(packets, options);
  const rejected = w.client.connect("ws://test/").then(
    () => undefined,
    (err: unknown) => err,
  );
  await settle();
  w.socket.open();
  await settle();
  return { w, rejected };
}

test("the client says what the Go library says", async () => {
  const { w } = await connecting([ping, pong, extra], { version: "7.1", token: "abc" });
  assert.deepEqual(w.socket.protocols, ["packetmq.1"]);
  w.socket.want(id.init, toHex(all.get("init-quiet")!).replace("83a7", "84a7").replace("a86665", "a9686561727462656174c3a86665"));
  w.socket.deliver(id.init, all.get("init-auth")!);
  await settle();
  w.socket.want(id.pubids, toHex(all.get("pubids-client-details")!));
  w.socket.deliver(id.pubids, all.get("pubids-server-details")!);
  await settle();
  w.socket.want(id.finish, "c0");
  w.socket.deliver(id.finish, fromHex("c0"));
  assert.equal(w.client.conn?.remoteVersion, "7.1");
  assert.ok(w.client.conn?.knows(extra));
  assert.deepEqual(w.told, ["made"]);
});

test("no token is shown to who does not want one, nor details to who knows none", async () => {
  const { w } = await connecting([ping, pong, extra], { version: "7.1", token: "abc" });
  w.socket.next();
  w.socket.deliver(id.init, all.get("init-bare")!);
  await settle();
  w.socket.want(id.pubids, toHex(all.get("pubids-client")!));
  w.socket.deliver(id.pubids, all.get("pubids-server")!);
  w.socket.deliver(id.finish, fromHex("c0"));
  assert.equal(w.client.conn!.knows(extra), false);
  assert.throws(() => w.client.send(extra, "x"), (err: PacketmqError) => err.code === "not_on_wire");
});

test("packets travel under the server's ids", async () => {
  const w = new World([ping, pong]);
  const got: string[] = [];
  w.client.handle(pong, (text) => got.push(text));
  const s = await w.connect({ ids: { "app:pong": 17, "app:ping": 300 } });
  w.client.send(ping, "hi");
  s.deliver(17, encode(t.str, "ho"));
  await settle();
  s.want(300, "a26869");
  assert.deepEqual(got, ["ho"]);
});

test("all that a callback sends leaves as one message", async () => {
  const w = new World([ping, pong]);
  const s = await w.connect();
  const before = s.messages;
  w.client.handle(pong, () => {
    for (let i = 0; i < 10; i++) w.client.send(ping, "x");
  });
  s.deliver(118, encode(t.str, ""));
  await settle();
  assert.equal(s.messages - before, 1);
  assert.equal(s.frames.length, 10);
});

test("a packet before the other side's finish makes the conn", async () => {
  const { w } = await connecting();
  w.client.handle(pong, (text) => w.told.push(text));
  w.socket.deliver(id.init, all.get("init")!);
  w.socket.deliver(id.pubids, pubidsOf(idsOf([ping, pong])));
  w.socket.deliver(118, encode(t.str, "early"));
  w.socket.deliver(id.finish, fromHex("c0"));
  assert.deepEqual(w.told, ["made", "early"]);
});

test("a conn that is ended as soon as it is made handles nothing", async () => {
  const { w } = await connecting();
  w.client.handle(pong, (text) => w.told.push(text));
  w.client.on("made", (conn) => conn.softquit());
  w.socket.deliver(id.init, all.get("init")!);
  w.socket.deliver(id.pubids, pubidsOf(idsOf([ping, pong])));
  w.socket.deliver(118, encode(t.str, "early"));
  assert.deepEqual(w.told, ["made", "lost: this side has ended the conn: reason.generic"]);
});

/** What a side may not send, and the reason that it is told. */
const bad: [string, string, (w: World) => void][] = [
  ["another version", "reason.versionmismatch", (w) => w.socket.deliver(id.init, all.get("init-2")!)],
  ["the same policy", "reason.sameadaptivepolicy", (w) => (w.socket.deliver(id.init, all.get("init")!), w.socket.deliver(id.pubids, pubidsOf({}, undefined, true)))],
  ["other names", "reason.nonequalpackets", (w) => (w.socket.deliver(id.init, all.get("init")!), w.socket.deliver(id.pubids, pubidsOf({ "app:ping": 17, "app:other": 18 })))],
  ["an id twice", "reason.protocol", (w) => (w.socket.deliver(id.init, all.get("init")!), w.socket.deliver(id.pubids, pubidsOf({ "app:ping": 17, "app:pong": 17 })))],
  ["an id below 16", "reason.protocol", (w) => (w.socket.deliver(id.init, all.get("init")!), w.socket.deliver(id.pubids, pubidsOf({ "app:ping": 17, "app:pong": 15 })))],
  ["an id above 65535", "reason.payload", (w) => (w.socket.deliver(id.init, all.get("init")!), w.socket.deliver(id.pubids, pubidsOf({ "app:ping": 17, "app:pong": 65536 })))],
  ["pubids before init", "reason.protocol", (w) => w.socket.deliver(id.pubids, all.get("pubids-server")!)],
  ["finish before pubids", "reason.protocol", (w) => (w.socket.deliver(id.init, all.get("init")!), w.socket.deliver(id.finish, fromHex("c0")))],
  ["a packet before pubids", "reason.protocol", (w) => (w.socket.deliver(id.init, all.get("init")!), w.socket.deliver(117, fromHex("a0")))],
  ["a large packet before pubids", "reason.frame", (w) => (w.socket.deliver(id.init, all.get("init")!), w.socket.deliver(117, new Uint8Array(1025)))],
  ["a large init", "reason.frame", (w) => w.socket.deliver(id.init, new Uint8Array(65))],
  ["no msgpack", "reason.payload", (w) => w.socket.deliver(id.init, fromHex("c1"))],
  ["trailing bytes", "reason.payload", (w) => w.socket.deliver(id.init, Uint8Array.of(...all.get("init-bare")!, 0))],
  ["a text message", "reason.protocol", (w) => w.socket.onmessage?.({ data: "text" })],
];

for (const [what, reason, send] of bad) {
  test(`in the handshake: ${what}`, async () => {
    const { w, rejected } = await connecting();
    send(w);
    const err = (await rejected) as ConnEnd;
    assert.ok(err instanceof ConnEnd, String(err));
    assert.deepEqual([err.kind, err.reason], ["fault", reason]);
    const last = w.socket.frames[w.socket.frames.length - 1]!;
    assert.deepEqual([last.id, last.hex], [id.softquit, toHex(softquitOf({ reason }))]);
    assert.deepEqual(w.socket.closedWith, [1000, reason]);
    assert.equal(w.clock.waiting, 0);
  });
}

test("the difference in names is told", async () => {
  const { w, rejected } = await connecting();
  w.socket.deliver(id.init, all.get("init")!);
  w.socket.deliver(id.pubids, pubidsOf({ "app:ping": 17, "app:other": 18 }));
  const { cause } = (await rejected) as ConnEnd;
  assert.ok(cause instanceof MismatchError);
  assert.deepEqual([cause.missing, cause.extra], [["app:pong"], ["app:other"]]);
});

/** What a side may not send when the conn is active. */
const badLater: [string, string, (s: World["socket"]) => void][] = [
  ["init again", "reason.protocol", (s) => s.deliver(id.init, all.get("init")!)],
  ["finish again", "reason.protocol", (s) => s.deliver(id.finish, fromHex("c0"))],
  ["a frame over the limit", "reason.frame", (s) => s.deliverBytes(fromHex("001000010075"))],
  ["a frame without an id", "reason.frame", (s) => s.deliverBytes(fromHex("00000001"))],
  ["no payload", "reason.payload", (s) => s.deliver(118, new Uint8Array(0))],
  ["a payload of another type", "reason.payload", (s) => s.deliver(118, fromHex("07"))],
  ["a heartbeat of 17 bytes", "reason.protocol", (s) => s.deliver(id.ping, new Uint8Array(17))],
  ["an answer to no heartbeat", "reason.protocol", (s) => s.deliver(id.pong, fromHex("07"))],
  ["an update of an id that is taken", "reason.protocol", (s) => s.deliver(id.update, encode(t.any, { add: { "app:extra": 117 }, drop: [] }))],
  ["an update that is none", "reason.payload", (s) => s.deliver(id.update, fromHex("07"))],
  ["a 17th unknown id", "reason.protocol", (s) => [...Array(17).keys()].forEach((i) => s.deliver(900 + i, fromHex("c0")))],
];

for (const [what, reason, send] of badLater) {
  test(`on an active conn: ${what}`, async () => {
    const w = new World([ping, pong, extra]);
    w.client.handle(pong, () => {});
    const s = await w.connect();
    send(s);
    await settle();
    s.want(id.softquit, toHex(softquitOf({ reason })));
    assert.equal(w.told.length, 2);
    assert.match(w.told[1]!, new RegExp(`^lost: this side has ended the conn: ${reason}`));
    s.deliver(118, encode(t.str, "late"));
    assert.equal(w.told.length, 2);
  });
}

test("16 packets of unknown ids are dropped", async () => {
  const w = new World([ping, pong]);
  const s = await w.connect();
  for (let i = 0; i < 16; i++) s.deliver(900 + i, fromHex("c0"));
  assert.equal(w.client.conn?.state, "active");
});

test("a softquit of the other side tells its reason and advice", async () => {
  const wants: [string, string, object | undefined][] = [
    ["softquit", "reason.bye", undefined],
    ["softquit-to", "reason.shutdown", { to: "ws://g2:7000/", after: 3000 }],
    ["softquit-back", "reason.denied", { back: true }],
    ["softquit-never", "reason.shutdown", { back: false }],
    ["softquit-why", "reason.denied", { why: "banned" }],
  ];
  for (const [name, reason, advice] of wants) {
    const w = new World([ping, pong]);
    let end: ConnEnd | undefined;
    w.client.on("lost", (e) => (end = e));
    const s = await w.connect();
    s.deliver(id.softquit, all.get(name)!);
    assert.deepEqual([end?.kind, end?.reason, end?.advice], ["quit", reason, advice], name);
    assert.equal(s.frames.length, 0, "no softquit is sent back");
    assert.deepEqual(s.closedWith, [1000, ""]);
  }
});

test("addresses that mislead are no advice", async () => {
  for (const to of ["javascript:alert(1)", "ws://x y", "", "http", "ws://" + "x".repeat(255)]) {
    const w = new World([ping, pong]);
    let end: ConnEnd | undefined;
    w.client.on("lost", (e) => (end = e));
    const s = await w.connect();
    s.deliver(id.softquit, softquitOf({ reason: "r", to, after: 4e9 }));
    assert.deepEqual(end?.advice, { after: 3_600_000 }, to);
  }
});

test("this side's softquit comes after what was sent", async () => {
  const w = new World([ping, pong]);
  const s = await w.connect();
  w.client.send(ping, "last");
  w.client.close("reason.bye");
  s.want(117, "a46c617374");
  s.want(id.softquit, toHex(all.get("softquit")!));
  assert.throws(() => w.client.send(ping, "x"), (err: PacketmqError) => err.code === "not_active");
  assert.deepEqual(w.told, ["made", "lost: this side has ended the conn: reason.bye"]);
  s.end(1000);
  assert.equal(w.told.length, 2);
  assert.equal(w.clock.waiting, 0);
});

test("a handler that throws ends the conn, at once or later", async () => {
  for (const f of [() => { throw new Error("on purpose"); }, () => Promise.reject(new Error("on purpose"))]) {
    const w = new World([ping, pong]);
    w.client.handle(pong, f);
    const s = await w.connect();
    s.deliver(118, encode(t.str, ""));
    await settle();
    s.want(id.softquit, toHex(softquitOf({ reason: "reason.handler" })));
    assert.deepEqual(w.told, ["made", "lost: this side has ended the conn: reason.handler: on purpose"]);
  }
});

test("heartbeats are answered, sent, and measured", async () => {
  const w = new World([ping, pong]);
  const s = await w.connect();
  s.deliver(id.ping, fromHex("cf0000000000000007"));
  await settle();
  s.want(id.pong, "cf0000000000000007");
  await w.clock.advance(30_000);
  const beat = s.next();
  assert.equal(beat.id, id.ping);
  await w.clock.advance(25);
  s.deliver(id.pong, beat.payload);
  assert.equal(Math.round(w.client.conn!.rtt), 25);
});

test("a heartbeat for whose answer there is no room is not answered", async () => {
  const w = new World([ping, pong], { maxPending: 1000 });
  const s = await w.connect();
  for (let i = 0; i < 500; i++) s.deliver(id.ping, fromHex("cf0000000000000007"));
  await settle();
  assert.equal(s.frames.length, Math.floor(1000 / 15) + 1);
  assert.ok(w.client.conn);
});

test("silence, a slow handshake and a slow frame end the conn", async () => {
  const slow = await connecting();
  await slow.w.clock.advance(6000);
  assert.equal(((await slow.rejected) as ConnEnd).reason, "reason.timeout");

  const silent = new World([ping, pong]);
  await silent.connect();
  await silent.clock.advance(89_000);
  assert.ok(silent.client.conn);
  await silent.clock.advance(2000);
  assert.match(silent.told[1]!, /reason.timeout: nothing was heard/);

  const frame = new World([ping, pong]);
  const s = await frame.connect();
  s.deliverBytes(fromHex("000000050076a3"));
  await frame.clock.advance(5000);
  s.deliverBytes(fromHex("78"));
  await frame.clock.advance(6000);
  assert.match(frame.told[1]!, /reason.timeout: a frame was not whole/);
});

test("no heartbeats go to a side that does not know them, whose silence is not bounded", async () => {
  const w = new World([ping, pong]);
  const s = await w.connect({ heartbeat: false });
  await w.clock.advance(600_000);
  assert.equal(s.frames.length, 0);
  assert.ok(w.client.conn);
});

test("what is too long, or of another type, is not sent, and the conn goes on", async () => {
  const short = definePacket("app:short", 19, t.str, { maxSize: 5 });
  const w = new World([ping, pong, short]);
  w.client.handle(short, () => {});
  const s = await w.connect({ maxFrame: 1000 });
  assert.throws(() => w.client.send(ping, "x".repeat(996)), (err: SizeError) => err.code === "size" && err.max === 1000);
  assert.throws(() => w.client.send(short, "12345"), (err: SizeError) => err.code === "size");
  assert.throws(() => w.client.send(ping, 7 as unknown as string), (err: PacketmqError) => err.code === "encode");
  w.client.send(short, "1234");
  await settle();
  s.want(119, "a431323334");
  assert.equal(s.frames.length, 0);
  s.deliver(119, encode(t.str, "12345"));
  assert.match(w.told[1]!, /reason.payload: packet app:short of 6 bytes, at most 5/);
});

test("to a side that announces nothing, 99,999 bytes", async () => {
  const { w } = await connecting();
  w.socket.deliver(id.init, all.get("init-bare")!);
  w.socket.deliver(id.pubids, pubidsOf(idsOf([ping, pong])));
  w.socket.deliver(id.finish, fromHex("c0"));
  assert.throws(() => w.client.send(ping, "x".repeat(99_995)), (err: SizeError) => err.max === 99_999);
  w.client.send(ping, "x".repeat(99_990));
});

test("no more waits to be sent than may", async () => {
  const w = new World([ping, pong], { maxPending: 1000 });
  const s = await w.connect();
  const send = (): void => {
    for (let i = 0; i < 100; i++) w.client.send(ping, "x".repeat(100));
  };
  assert.throws(send, (err: PacketmqError) => err.code === "backpressure");
  await settle();
  assert.equal(s.frames.length, 10);
  s.bufferedAmount = 1001;
  assert.throws(() => w.client.send(ping, "x"), (err: PacketmqError) => err.code === "backpressure");
  let sent = false;
  const waits = w.client.sendWait(ping, "later").then(() => (sent = true));
  await w.clock.advance(50);
  assert.equal(sent, false);
  s.bufferedAmount = 0;
  await w.clock.advance(50);
  await waits;
  assert.equal(s.frames.length, 11);
});

test("updates tell of optional packets that come and go", async () => {
  const w = new World([ping, pong, extra]);
  const got: string[] = [];
  w.client.handle(extra, (text) => got.push(text));
  const s = await w.connect();
  assert.equal(w.client.conn!.knows(extra), false);
  s.deliver(id.update, all.get("update")!);
  assert.ok(w.client.conn!.knows(extra));
  w.client.send(extra, "x");
  s.deliver(70, encode(t.str, "new"));
  s.deliver(id.update, encode(t.any, { add: {}, drop: ["app:extra"] }));
  assert.equal(w.client.conn!.knows(extra), false);
  s.deliver(70, encode(t.str, "on its way"));
  s.deliver(id.update, encode(t.any, { add: { "app:extra": 70 } }));
  assert.ok(w.client.conn!.knows(extra));
  await settle();
  s.want(70, "a178");
  assert.deepEqual(got, ["new", "on its way"]);
  assert.deepEqual(w.told, ["made", "updated", "updated", "updated"]);
  assert.ok(w.client.conn!.uses(Feature.optional));
});

test("an update with a longer name than a packet can have ends the conn", async () => {
  for (const [length, ends] of [
    [128, false],
    [129, true],
  ] as const) {
    const w = new World([ping, pong, extra]);
    const s = await w.connect();
    s.deliver(id.update, encode(t.any, { add: { [`app:${"x".repeat(length - 4)}`]: 300 } }));
    assert.equal(w.client.conn === undefined, ends, String(w.told));
  }
});

test("too many updates end the conn", async () => {
  const w = new World([ping, pong, extra]);
  const s = await w.connect();
  for (let i = 0; i < 65; i++) s.deliver(id.update, fromHex("80"));
  assert.match(w.told[w.told.length - 1]!, /reason.protocol: updates of the ids came too often/);
});

test("whatever comes, the conn goes on or ends with a reason", async () => {
  let seed = 7;
  const random = (n: number): number => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % n;
  const ids = [0, 1, 2, 3, 11, 12, 13, 14, 15, 117, 118, 70, 999];
  for (let round = 0; round < 300; round++) {
    const w = new World([ping, pong, extra], { onError: () => {} });
    w.client.handle(pong, () => {});
    const s = await w.connect();
    for (let i = 0; i < 20 && !s.closedWith; i++) {
      const source = [...all.values()][random(all.size)]!;
      const b = random(2) ? Uint8Array.from(source) : Uint8Array.from({ length: random(30) }, () => random(256));
      if (b.length > 0 && random(2)) b[random(b.length)] = random(256);
      s.deliver(ids[random(ids.length)]!, b);
    }
    assert.equal(w.client.conn === undefined, w.told.length === 2, String(w.told));
    w.client.close();
  }
});
