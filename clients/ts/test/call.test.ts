import assert from "node:assert/strict";
import { test } from "node:test";

import { call, CallError, CallErrors, defineCall, defineError, handleCall, maxUnderWay, type CallContext } from "../src/call.js";
import { encode } from "../src/codec.js";
import { type ConnEnd, PacketmqError } from "../src/errors.js";
import { defineRooms, isRoomError, join, leave, RoomErrors } from "../src/room.js";
import { t } from "../src/types.js";
import { settle, World } from "./helper.js";
import { toHex, vectors } from "./vectors.js";

const all = vectors("call");
const Order = t.struct("Order", { Price: t.int });
const Receipt = t.struct("Receipt", { Total: t.int });
const buy = defineCall("shop:buy", 40, Order, Receipt);
const sell = defineCall("shop:sell", 42, Order, Receipt);
const poor = defineError("shop:poor", Order);
const tired = defineError("shop:tired");
const lobbies = defineRooms("chat:rooms", 60);
const packets = [buy, sell, lobbies];

const codeOf = (code: string) => (err: PacketmqError) => err.code === code;

test("a call travels as one of the Go library's, and brings its answer", async () => {
  const w = new World(packets);
  const s = await w.connect();
  const answer = call(w.client, buy, { Price: 3 }, { timeout: 2000 });
  await settle();
  s.want(140, toHex(all.get("request")!));
  s.deliver(141, all.get("answer")!);
  assert.deepEqual(await answer, { Total: 3 });
  assert.equal(w.clock.waiting, 1, "no timer is left but the conn's");
});

test("errors come with their names, texts and data", async () => {
  const w = new World(packets);
  const s = await w.connect();
  const first = call(w.client, buy, { Price: 3 });
  const second = call(w.client, buy, { Price: 3 });
  await settle();
  s.deliver(141, encode(t.any, [1, ["", "only text", null], null]));
  s.deliver(141, all.get("error-data")!);
  const text = await first.catch((err) => err as CallError);
  assert.ok(text instanceof CallError && text.text === "only text" && text.errorName === "");
  const err: unknown = await second.catch((err) => err);
  assert.equal(tired.is(err), false);
  assert.ok(poor.is(err));
  assert.equal(err.text, "no credit");
  assert.deepEqual(poor.dataOf(err), { Price: 20 });
});

test("a call that is not answered in time, is cancelled, or loses its conn", async () => {
  const w = new World(packets);
  const s = await w.connect();
  const late = assert.rejects(call(w.client, buy, { Price: 1 }, { timeout: 500 }), codeOf("timeout"));
  const abort = new AbortController();
  const given = assert.rejects(call(w.client, buy, { Price: 1 }, { signal: abort.signal }), codeOf("cancelled"));
  const third = call(w.client, buy, { Price: 1 }, { timeout: 60_000 });
  const lost = third.catch((err) => err as ConnEnd);
  await w.clock.advance(500);
  await late;
  abort.abort();
  await given;
  await settle();
  const cancel = s.frames.pop()!;
  assert.deepEqual([cancel.id, cancel.hex], [140, toHex(all.get("cancel")!).replace("03", "02")]);
  s.deliver(141, encode(t.any, [1, null, { Total: 1 }])); // late, and dropped
  s.deliver(141, encode(t.any, [2, null, { Total: 1 }]));
  assert.ok(w.client.conn);
  w.client.close("reason.bye");
  assert.equal(((await lost) as ConnEnd).reason, "reason.bye");
  await assert.rejects(call(w.client, buy, { Price: 1 }), codeOf("not_active"));
  await assert.rejects(call(w.client, buy, { Price: 1 }, { signal: AbortSignal.abort() }), PacketmqError);
});

test("a call may have all the time that there is", async () => {
  const w = new World(packets);
  const s = await w.connect();
  const answer = call(w.client, buy, { Price: 1 }, { timeout: Infinity });
  await settle();
  s.want(140, toHex(encode(t.any, [1, 2 ** 31 - 1, { Price: 1 }])));
  s.deliver(141, encode(t.any, [1, null, { Total: 1 }]));
  assert.deepEqual(await answer, { Total: 1 });
});

test("no more calls are under way than may", async () => {
  const w = new World(packets);
  const s = await w.connect();
  const all = Array.from({ length: maxUnderWay }, () => call(w.client, buy, { Price: 1 }));
  await assert.rejects(call(w.client, buy, { Price: 1 }), codeOf("too_many"));
  for (let id = 1; id <= maxUnderWay; id++) s.deliver(141, encode(t.any, [id, null, null]));
  assert.deepEqual(await Promise.all(all).then((a) => a.length), maxUnderWay);
  void call(w.client, buy, { Price: 1 }).catch(() => {});
  await settle();
  assert.equal(s.frames.length, maxUnderWay + 1);
});

test("the answer of another call ends the conn", async () => {
  const w = new World(packets);
  const s = await w.connect();
  const mine = call(w.client, buy, { Price: 1 });
  const other = call(w.client, sell, { Price: 1 });
  mine.catch(() => {});
  other.catch(() => {});
  await settle();
  s.deliver(143, all.get("answer")!);
  assert.match(w.told[1]!, /reason.payload: the answer of shop:sell is to a call of shop:buy/);
});

test("calls of the other side are answered, at once or later, with values and errors", async () => {
  const w = new World(packets);
  let release!: (v: { Total: number }) => void;
  handleCall(w.client, buy, ({ Price }) => {
    if (Price === 1) return { Total: 1 };
    if (Price === 2) return new Promise((resolve) => (release = resolve));
    if (Price === 3) throw poor.with({ Price: 20 }, "no credit");
    return Promise.reject(tired.with(undefined));
  });
  const s = await w.connect();
  for (const [id, price] of [[1, 1], [2, 2], [3, 3], [4, 4]]) s.deliver(140, encode(t.any, [id, 0, { Price: price }]));
  await settle();
  s.want(141, toHex(encode(t.any, [1, null, { Total: 1 }])));
  s.want(141, toHex(all.get("error-data")!).replace("9302", "9303"));
  s.want(141, toHex(encode(t.any, [4, ["shop:tired", "", null], null])));
  release({ Total: 2 });
  await settle();
  s.want(141, toHex(encode(t.any, [2, null, { Total: 2 }])));
});

test("an error that is not for others is told here, and there only that it was one", async () => {
  const said: string[] = [];
  const w = new World(packets, { onError: (what) => said.push(what) });
  handleCall(w.client, buy, () => {
    throw new Error("a secret");
  });
  handleCall(w.client, sell, () => ({ Total: "x" as unknown as number }));
  const s = await w.connect();
  s.deliver(140, all.get("request-nil")!);
  s.deliver(142, all.get("request-nil")!);
  await settle();
  const internal = toHex(encode(t.any, [1, ["packetmq:internal", "internal error", null], null]));
  s.want(141, internal);
  s.want(143, internal.replace("ae696e7465726e616c206572726f72", "a0"));
  assert.deepEqual(said, ["the handler of call shop:buy has failed", "the handler of call shop:sell has failed"]);
  assert.ok(w.client.conn);
});

test("a call that the other side gives up aborts its context, and is not answered", async () => {
  const w = new World(packets);
  const contexts: CallContext[] = [];
  handleCall(w.client, buy, (_, c) => new Promise((_resolve, reject) => (contexts.push(c), c.signal.addEventListener("abort", () => reject(new Error("over"))))));
  const s = await w.connect();
  s.deliver(140, encode(t.any, [3, 60_000, { Price: 1 }]));
  s.deliver(140, encode(t.any, [4, 2000, { Price: 1 }]));
  s.deliver(140, encode(t.any, [5, 60_000, { Price: 1 }]));
  s.deliver(140, all.get("cancel")!);
  assert.deepEqual(contexts.map((c) => c.signal.aborted), [true, false, false]);
  await w.clock.advance(2000);
  assert.deepEqual(contexts.map((c) => c.signal.aborted), [true, true, false]);
  w.client.close();
  assert.deepEqual(contexts.map((c) => c.signal.aborted), [true, true, true]);
  await settle();
  assert.equal(s.frames.filter((f) => f.id === 141).length, 0);
});

test("too many calls of the other side are refused", async () => {
  const w = new World(packets);
  handleCall(w.client, buy, () => new Promise(() => {}));
  const s = await w.connect();
  for (let id = 1; id <= maxUnderWay + 1; id++) s.deliver(140, encode(t.any, [id, 0, { Price: 1 }]));
  await settle();
  s.want(141, toHex(encode(t.any, [maxUnderWay + 1, [CallErrors.tooMany.name, "too many calls are under way", null], null])));
});

test("what can be no call ends the conn", async () => {
  for (const bad of [[0, 0, null], [-1, 0, null], [1, 0], [1, -1, null], [], [1, 0, null, 0], 7]) {
    const w = new World(packets);
    handleCall(w.client, buy, () => ({ Total: 0 }));
    const s = await w.connect();
    s.deliver(140, encode(t.any, bad));
    assert.match(w.told[1] ?? "", /reason.payload/, JSON.stringify(bad));
  }
  const w = new World(packets);
  handleCall(w.client, buy, () => new Promise(() => {}));
  const s = await w.connect();
  s.deliver(140, encode(t.any, [1, 0, null]));
  s.deliver(140, encode(t.any, [1, 0, null]));
  assert.match(w.told[1]!, /reason.payload: a call with the id 1 is under way/);
});

test("ids of 64 bits are answered as they came", async () => {
  const w = new World(packets);
  handleCall(w.client, buy, () => ({ Total: 3 }));
  const s = await w.connect();
  s.deliver(140, encode(t.any, [2n ** 64n - 1n, 0, null]));
  await settle();
  s.want(141, toHex(all.get("answer-large-id")!));
});

test("rooms are joined and left by request", async () => {
  const w = new World(packets);
  const s = await w.connect();
  const joined = join(w.client, lobbies, "lobby");
  await settle();
  s.want(160, toHex(encode(t.any, [1, 10_000, "lobby"])));
  s.deliver(161, encode(t.any, [1, null, true]));
  await joined;
  const refused = join(w.client, lobbies, "staff").catch((err) => err);
  const left = leave(w.client, lobbies, "lobby");
  await settle();
  s.deliver(161, encode(t.any, [2, ["packetmq:refused", "not allowed", null], null]));
  s.deliver(163, encode(t.any, [3, null, false]));
  assert.ok(isRoomError(await refused, RoomErrors.refused));
  assert.equal(await left, false);
  await assert.rejects(join(w.client, lobbies, "x".repeat(512)), codeOf("size"));
});
