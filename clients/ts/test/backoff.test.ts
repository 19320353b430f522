import assert from "node:assert/strict";
import { test } from "node:test";

import { Backoff } from "../src/backoff.js";
import { isPermanent } from "../src/reason.js";

test("the wait doubles with each failure, up to a bound, and varies by a quarter", () => {
  for (const [random, factor] of [
    [0, 0.75],
    [0.5, 1],
    [1, 1.25],
  ] as const) {
    const b = new Backoff({ min: 100, max: 1000 }, () => random);
    const waits = [];
    for (let i = 0; i < 6; i++) {
      b.failure();
      waits.push(b.next("ws://a").wait);
    }
    assert.deepEqual(waits, [100, 200, 400, 800, 1000, 1000].map((w) => w * factor));
  }
});

test("a conn that has lasted ends a row of failures", () => {
  const b = new Backoff({ min: 100, lasts: 5000, attempts: 2 }, () => 0.5);
  b.failure();
  b.failure(4999);
  assert.equal(b.again(""), false);
  b.failure(5000);
  assert.ok(b.again(""));
  assert.equal(b.next("ws://a").wait, 100);
});

test("advice is followed: how long to stay away, and where to go if the program allows it", () => {
  const b = new Backoff({ min: 100 }, () => 0.5);
  b.failure();
  assert.deepEqual(b.next("ws://a", { after: 8000 }), { wait: 9000, to: "ws://a" });
  assert.deepEqual(b.next("ws://a", { to: "ws://b" }), { wait: 100, to: "ws://a" });
  assert.deepEqual(b.next("ws://a", { to: "ws://a" }), { wait: 0, to: "ws://a" });
  const follows = new Backoff({ min: 100, follow: (from, to) => from === "ws://a" && to === "ws://b" }, () => 0.5);
  follows.failure();
  assert.deepEqual(follows.next("ws://a", { to: "ws://b" }), { wait: 0, to: "ws://b" });
  follows.failure();
  assert.deepEqual(follows.next("ws://a", { to: "ws://b" }), { wait: 200, to: "ws://b" });
});

test("some reasons are for good, unless the advice is another", () => {
  assert.ok(isPermanent("reason.denied"));
  assert.ok(isPermanent("reason.nonequalpackets", { why: "x" }));
  assert.equal(isPermanent("reason.denied", { back: true }), false);
  assert.equal(isPermanent("reason.denied", { after: 5 }), false);
  assert.equal(isPermanent("reason.shutdown"), false);
  assert.ok(isPermanent("reason.shutdown", { back: false }));
  assert.equal(isPermanent(""), false);
});
