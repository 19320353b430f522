import assert from "node:assert/strict";
import { test } from "node:test";

import { PacketmqError } from "../src/errors.js";
import { definePacket, Registry } from "../src/registry.js";
import { t } from "../src/types.js";

const registryError = (err: unknown): boolean => err instanceof PacketmqError && err.code === "registry";

test("names and ids that cannot be", () => {
  for (const name of ["", "x", ":x", "x:", "packetmq:x", "ä:x", "a:\n", "a:" + "x".repeat(128)]) {
    assert.throws(() => definePacket(name, 20, t.str), registryError, name);
  }
  for (const id of [15, 65_536, 1.5, NaN]) assert.throws(() => definePacket("a:b", id, t.str), registryError, String(id));
  definePacket("a:b:c d", 16, t.str);
});

test("two packets of one name or id", () => {
  const a = definePacket("a:a", 20, t.str);
  new Registry([a, a]); // the same one is no fault
  assert.throws(() => new Registry([a, definePacket("a:a", 21, t.str)]), registryError);
  assert.throws(() => new Registry([a, definePacket("a:b", 20, t.str)]), registryError);
});
