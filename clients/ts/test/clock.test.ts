import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { systemClock } from "../src/clock.js";

test("what is longer than a timer can wait does not go off at once", () => {
  const timers = mock.method(globalThis, "setTimeout");
  for (const ms of [5, 2 ** 31, Infinity]) systemClock.after(ms, () => {})();
  timers.mock.restore();
  assert.deepEqual(
    timers.mock.calls.map((c) => c.arguments[1]),
    [5, 2 ** 31 - 1, 2 ** 31 - 1],
  );
});
