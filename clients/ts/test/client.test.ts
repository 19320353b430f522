import assert from "node:assert/strict";
import { test } from "node:test";

import { Client } from "../src/client.js";
import { PacketmqError } from "../src/errors.js";
import { definePacket, id } from "../src/registry.js";
import { t } from "../src/types.js";
import { FakeSocket, settle, softquitOf, World } from "./helper.js";
import { fromHex } from "./vectors.js";

const ping = definePacket("app:ping", 17, t.str);

const reconnect = { min: 100, max: 1000, attempts: 0 };

test("without reconnect, an attempt that fails is the last one", async () => {
  const w = new World([ping]);
  const connected = w.client.connect("ws://test/");
  await settle();
  w.socket.end(1006);
  await assert.rejects(connected, (err: PacketmqError) => err.code === "connect");
  await w.clock.advance(60_000);
  assert.equal(w.sockets.length, 1);
});

test("with reconnect, the client tries until it has a conn, and comes back when it is lost", async () => {
  const w = new World([ping], { reconnect });
  const connected = w.client.connect("ws://test/");
  await settle();
  w.socket.end(1006);
  await w.clock.advance(200);
  w.socket.end(1006);
  await w.clock.advance(300);
  assert.equal(w.sockets.length, 3);
  await w.accept();
  assert.equal(await connected, w.client.conn);
  w.socket.end(1006);
  assert.equal(w.client.conn, undefined);
  await w.clock.advance(1300);
  assert.equal(w.sockets.length, 4);
  await w.accept();
  assert.ok(w.client.conn);
  assert.deepEqual(
    w.told.map((s) => s.split(":")[0]),
    ["failed", "failed", "made", "lost", "made"],
  );
});

test("a WebSocket that does not open is given up", async () => {
  const w = new World([ping], { connect: 1000 });
  const connected = w.client.connect("ws://test/");
  const rejects = assert.rejects(connected, /has not opened in time/);
  await w.clock.advance(1000);
  await rejects;
  assert.ok(w.socket.closedWith);
  w.socket.open();
  assert.equal(w.socket.frames.length, 0);
});

test("reasons decide whether to come back", async () => {
  for (const [fields, back] of [
    [{ reason: "reason.denied" }, false],
    [{ reason: "reason.shutdown", back: false }, false],
    [{ reason: "reason.shutdown" }, true],
    [{ reason: "some.word" }, true],
  ] as const) {
    const w = new World([ping], { reconnect });
    const s = await w.connect();
    s.deliver(id.softquit, softquitOf(fields));
    await w.clock.advance(5000);
    assert.equal(w.sockets.length > 1, back, JSON.stringify(fields));
    w.client.close();
  }
});

test("the server's advice is followed", async () => {
  const w = new World([ping], { reconnect: { ...reconnect, follow: (_, to) => to.startsWith("ws://g") } });
  const s = await w.connect();
  s.deliver(id.softquit, softquitOf({ reason: "reason.shutdown", to: "ws://g2/", after: 3000 }));
  await w.clock.advance(2999);
  assert.equal(w.sockets.length, 1);
  await w.clock.advance(751);
  assert.equal(w.socket.url, "ws://g2/");
  w.socket.end();
  await w.clock.advance(2000);
  assert.equal(w.socket.url, "ws://test/", "the program knows best");
});

test("advice of an address that a WebSocket does not take does not end the client", async () => {
  class Picky extends FakeSocket {
    constructor(url: string, protocols: string[]) {
      if (!url.startsWith("ws")) throw new SyntaxError(url);
      super(url, protocols);
      sockets.push(this);
    }
  }
  const w = new World([ping], { reconnect: { ...reconnect, follow: () => true }, WebSocket: Picky });
  const { sockets } = w;
  const s = await w.connect();
  s.deliver(id.softquit, softquitOf({ reason: "reason.shutdown", to: "tcp://g2:7000" }));
  await w.clock.advance(5000);
  assert.match(w.told[2] ?? "", /failed: cannot connect to tcp:\/\/g2:7000/);
  assert.equal(w.sockets.length, 2);
  assert.equal(w.socket.url, "ws://test/");
});

test("close ends what is under way, whatever that is", async () => {
  const w = new World([ping], { reconnect });
  const opening = assert.rejects(w.client.connect("ws://test/"), /closed/);
  await settle();
  w.client.close();
  await opening;
  assert.ok(w.socket.closedWith);

  const waiting = assert.rejects(w.client.connect("ws://test/"), /closed/);
  await settle();
  w.socket.end();
  w.client.close();
  await waiting;
  await w.clock.advance(60_000);
  assert.equal(w.sockets.length, 2);

  const shaking = assert.rejects(w.client.connect("ws://test/"), /closed/);
  await settle();
  w.socket.open();
  w.client.close();
  await shaking;
  assert.equal(w.socket.frames.pop()?.id, id.softquit);

  await w.connect(); // and it can connect again
  w.client.close();
  await w.clock.advance(60_000);
  assert.equal(w.sockets.length, 4);
  assert.equal(w.clock.waiting, 0);
});

test("a client connects once at a time", async () => {
  const w = new World([ping]);
  await w.connect();
  await assert.rejects(w.client.connect("ws://test/"), (err: PacketmqError) => err.code === "connect");
});

test("a token is asked for before each attempt, and may come later", async () => {
  let n = 0;
  const w = new World([ping], { reconnect, token: async () => `token ${++n}` });
  const connected = w.client.connect("ws://test/");
  await settle();
  w.socket.end();
  await w.clock.advance(200);
  assert.equal(n, 2);
  w.client.close();
  await assert.rejects(connected);

  const fails = new World([ping], { token: () => Promise.reject(new Error("no")) });
  await assert.rejects(fails.client.connect("ws://test/"), /no token/);
});

test("what cannot be", async () => {
  assert.throws(() => new World([ping], { version: "x".repeat(65) }), (err: PacketmqError) => err.code === "registry");
  assert.throws(() => new World([ping]).client.handle(definePacket("app:ping", 17, t.str), () => {}), (err: PacketmqError) => err.code === "registry");
  assert.throws(() => new World([ping]).client.send(ping, "x"), (err: PacketmqError) => err.code === "not_active");
  const throwing = class {
    constructor() {
      throw new SyntaxError("no URL");
    }
  } as never;
  await assert.rejects(new Client([ping], { WebSocket: throwing, reconnect: true }).connect("nonsense"), (err: PacketmqError) => err.code === "connect");
});

test("packets that nobody handles are told of once", async () => {
  const seen: string[] = [];
  const w = new World([ping], { onError: (what, err) => seen.push(`${what}: ${(err as Error).message}`) });
  const s = await w.connect();
  for (let i = 0; i < 3; i++) s.deliver(117, fromHex("c1"));
  assert.deepEqual(seen, ["packets are dropped: nobody handles packet app:ping"]);
  assert.ok(w.client.conn);
});

test("a listener that throws keeps nobody else from being told", async () => {
  const seen: string[] = [];
  const w = new World([ping], { onError: (what, err) => seen.push(`${what}: ${(err as Error).message}`) });
  w.client.on("made", () => {
    throw new Error("on purpose");
  });
  const stop = w.client.on("made", () => seen.push("taken back"));
  stop();
  w.client.on("made", () => seen.push("second"));
  await w.connect();
  assert.deepEqual(seen, ['a listener for "made" has failed: on purpose', "second"]);
});
