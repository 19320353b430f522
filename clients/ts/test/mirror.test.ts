import assert from "node:assert/strict";
import { test } from "node:test";

import { encode } from "../src/codec.js";
import { defineState, Mirror } from "../src/mirror.js";
import { t } from "../src/types.js";
import { type FakeSocket, settle, World } from "./helper.js";
import { fromHex, toHex, vectors } from "./vectors.js";

const all = vectors("state");
const Pos = t.tuple("Pos", { id: t.u64, x: t.int });
const pos = defineState("game:pos", 60, Pos, (p) => p.id);
const Seat = t.struct("Seat", { n: t.i32 });
const seat = defineState("game:seat", 61, Seat, (p) => p.n);
const packets = [pos, seat];
const stateId = 11;

/** A world with a mirror that tells what happens. */
async function following(limits: { keys?: number; bytes?: number } = {}): Promise<{ w: World; s: FakeSocket; m: Mirror<any, bigint>; told: string[] }> {
  const w = new World(packets);
  const told: string[] = [];
  const m = new Mirror(w.client, pos, {
    ...limits,
    set: (p, key) => told.push(`${key}=${p.x}`),
    deleted: (key, last) => told.push(`-${key} (was ${last.x})`),
    synced: () => told.push("synced"),
  });
  return { w, s: await w.connect(), m, told };
}

const set = (s: FakeSocket, id: bigint, x: number): void => s.deliver(160, encode(Pos, { id, x }));

test("a mirror has what the state has, and acknowledges ticks", async () => {
  const { s, m, told } = await following();
  s.deliver(stateId, all.get("begins")!);
  set(s, 7n, 1);
  set(s, 2n ** 64n - 1n, 2);
  assert.equal(m.synced, false);
  s.deliver(stateId, all.get("complete")!);
  assert.ok(m.synced);
  await settle();
  s.want(stateId, toHex(all.get("acks")!));
  set(s, 7n, 3);
  s.deliver(stateId, fromHex("93010002"));
  await settle();
  s.want(stateId, "93050002");
  assert.deepEqual([...m.values], [[7n, { id: 7n, x: 3 }], [2n ** 64n - 1n, { id: 2n ** 64n - 1n, x: 2 }]]);
  s.deliver(stateId, all.get("removes")!);
  assert.equal(m.values.size, 0);
  set(s, 8n, 1);
  s.deliver(stateId, all.get("ends")!);
  assert.deepEqual(told, ["7=1", "18446744073709551615=2", "synced", "7=3", "-7 (was 3)", "-18446744073709551615 (was 2)", "8=1", "-8 (was 1)"]);
  assert.equal(m.synced, false);
});

test("keys may be numbers", async () => {
  const w = new World(packets);
  const m = new Mirror(w.client, seat);
  const s = await w.connect();
  s.deliver(stateId, encode(t.any, [0, 0, "game:seat"]));
  s.deliver(161, encode(Seat, { n: 5 }));
  assert.deepEqual(m.values.get(5), { n: 5 });
  s.deliver(stateId, encode(t.any, [3, 0, 5]));
  assert.equal(m.values.size, 0);
});

test("the snapshot of the next conn replaces what was kept of the last one", async () => {
  const w = new World(packets, { reconnect: { min: 10 } });
  const told: string[] = [];
  const m = new Mirror(w.client, pos, { set: (p) => told.push(`${p.id}=${p.x}`), deleted: (key) => told.push(`-${key}`) });
  let s = await w.connect();
  s.deliver(stateId, all.get("begins")!);
  set(s, 1n, 1);
  set(s, 2n, 2);
  s.deliver(stateId, all.get("complete")!);
  s.end();
  assert.deepEqual([m.synced, m.values.size], [false, 2]);
  await w.clock.advance(100);
  s = await w.accept();
  s.deliver(stateId, all.get("begins")!);
  set(s, 1n, 5);
  assert.equal(m.values.size, 2);
  s.deliver(stateId, all.get("complete")!);
  assert.deepEqual(told, ["1=1", "2=2", "1=5", "-2"]);
  assert.ok(m.synced);
});

test("a state that nobody follows is not acknowledged", async () => {
  const { s } = await following();
  s.deliver(stateId, encode(t.any, [0, 0, "game:seat"]));
  s.deliver(161, encode(Seat, { n: 5 })); // no handler
  s.deliver(stateId, all.get("complete")!);
  s.deliver(stateId, all.get("ends")!);
  await settle();
  assert.equal(s.frames.length, 0);
});

test("an acknowledgement for which there is no room is sent later", async () => {
  const { w, s } = await following();
  s.deliver(stateId, all.get("begins")!);
  s.bufferedAmount = 1e9;
  s.deliver(stateId, all.get("complete")!);
  await w.clock.advance(100);
  assert.equal(s.frames.length, 0);
  s.bufferedAmount = 0;
  await w.clock.advance(100);
  s.want(stateId, toHex(all.get("acks")!));
});

test("of acknowledgements for which there is no room, the last one waits", async () => {
  const { w, s } = await following();
  s.deliver(stateId, all.get("begins")!);
  s.bufferedAmount = 1e9;
  const timers = w.clock.waiting;
  for (let tick = 1; tick <= 1000; tick++) s.deliver(stateId, encode(t.any, [1, 0, tick]));
  assert.equal(w.clock.waiting, timers + 1);
  s.bufferedAmount = 0;
  await w.clock.advance(100);
  s.want(stateId, "930500cd03e8");
  assert.equal(s.frames.length, 0);
});

test("more keys than may be end the conn, after what is old has made room", async () => {
  const { w, s, told } = await following({ keys: 2 });
  s.deliver(stateId, all.get("begins")!);
  set(s, 1n, 1);
  set(s, 2n, 1);
  s.deliver(stateId, all.get("complete")!);
  s.deliver(stateId, all.get("begins")!);
  set(s, 3n, 1);
  set(s, 4n, 1);
  s.deliver(stateId, all.get("complete-2")!);
  assert.deepEqual(told.slice(3), ["-1 (was 1)", "-2 (was 1)", "3=1", "4=1", "synced"]);
  set(s, 5n, 1);
  assert.match(w.told[1]!, /reason.handler: state game:pos has more than 2 keys/);
});

test("more bytes than may be end the conn, and what is gone or replaced counts no more", async () => {
  const size = 64 + 3; // of a value
  const { w, s, m } = await following({ bytes: 3 * size });
  s.deliver(stateId, all.get("begins")!);
  for (let x = 0; x < 10; x++) {
    set(s, 1n, x);
    set(s, 2n, x);
    set(s, 3n, x);
    s.deliver(stateId, encode(t.any, [3, 0, 3]));
  }
  s.deliver(stateId, all.get("complete")!);
  set(s, 3n, 1);
  assert.equal(m.values.size, 3);
  set(s, 4n, 1);
  assert.match(w.told[1]!, /reason.handler: state game:pos has more than 201 bytes/);
  assert.equal(m.values.size, 3);
});

test("what can be no part of a state ends the conn", async () => {
  const bad: [string, Uint8Array[]][] = [
    ["a tick of nothing", [all.get("ticked")!]],
    ["removals of nothing", [all.get("removes")!]],
    ["an acknowledgement", [all.get("acks")!]],
    ["another name", [all.get("begins")!, encode(t.any, [0, 0, "game:seat"])]],
    ["another number", [all.get("begins")!, encode(t.any, [0, 1, "game:pos"])]],
    ["no kind", [all.get("begins")!, encode(t.any, [9, 0, 1])]],
    ["no removals", [all.get("begins")!, encode(t.any, [3, 0])]],
    ["no array", [encode(t.any, 7)]],
    ["after the end", [all.get("begins")!, all.get("ends")!, all.get("ticked")!]],
    ["a long name", [encode(t.any, [0, 0, `game:${"x".repeat(300)}`])]],
    ["too many streams", Array.from({ length: 257 }, (_, i) => encode(t.any, [0, i, `game:${i}`]))],
  ];
  for (const [what, messages] of bad) {
    const { w, s } = await following();
    for (const m of messages) s.deliver(stateId, m);
    assert.match(w.told[1] ?? "", /reason\.(handler|payload)/, what);
  }
  const { w, s } = await following();
  set(s, 1n, 1);
  assert.match(w.told[1]!, /came before its snapshot/);
});

test("a mirror that comes late has the state begin again", async () => {
  const { w, s } = await following();
  s.deliver(stateId, encode(t.any, [0, 0, "game:seat"]));
  s.deliver(stateId, encode(t.any, [2, 0, 1]));
  const m = new Mirror(w.client, seat);
  s.deliver(161, encode(Seat, { n: 1 })); // of the snapshot that nobody has followed
  s.deliver(stateId, encode(t.any, [1, 0, 2]));
  await settle();
  for (const tick of [1, 0, 2]) s.want(stateId, toHex(encode(t.any, [5, 0, tick])));
  assert.equal(m.values.size, 0);
  s.deliver(stateId, encode(t.any, [0, 0, "game:seat"]));
  s.deliver(161, encode(Seat, { n: 2 }));
  s.deliver(stateId, encode(t.any, [2, 0, 3]));
  await settle();
  s.want(stateId, toHex(encode(t.any, [5, 0, 3])));
  assert.ok(m.synced && m.values.has(2));
  m.close();
  s.deliver(stateId, encode(t.any, [0, 0, "game:seat"]));
  s.deliver(161, encode(Seat, { n: 3 }));
  assert.deepEqual([m.synced, [...m.values.keys()]], [false, [2]]);
});

test("there is one mirror of a state", async () => {
  const { w } = await following();
  assert.throws(() => new Mirror(w.client, pos));
});
