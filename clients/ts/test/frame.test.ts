import assert from "node:assert/strict";
import { test } from "node:test";

import { SizeError } from "../src/errors.js";
import { FrameReader, writeFrame } from "../src/frame.js";
import { Writer } from "../src/writer.js";
import { fromHex, toHex } from "./vectors.js";

const judge = (_id: number, length: number): void => {
  if (length > 1000) throw new SizeError("frame", length, 1000, "a frame");
};

function collect(): { frames: string[]; on: (id: number, b: Uint8Array, start: number, end: number) => boolean } {
  const frames: string[] = [];
  return { frames, on: (id, b, start, end) => (frames.push(`${id}:${toHex(b.subarray(start, end))}`), true) };
}

function stream(): Uint8Array {
  const w = new Writer();
  for (const n of [0, 1, 5, 300]) writeFrame(w, 16 + n, 1000, "", (w) => w.raw(new Uint8Array(n).fill(n)));
  return w.take();
}

test("frames come out whole however the stream is cut", () => {
  const bytes = stream();
  const whole = collect();
  new FrameReader(judge).push(bytes, whole.on);
  assert.equal(whole.frames.length, 4);
  assert.deepEqual(whole.frames.slice(0, 2), ["16:", "17:01"]);
  for (const size of [1, 2, 3, 5, 6, 7, 11, 100]) {
    const r = new FrameReader(judge);
    const cut = collect();
    for (let at = 0; at < bytes.length; at += size) r.push(bytes.subarray(at, at + size), cut.on);
    assert.deepEqual(cut.frames, whole.frames, `pieces of ${size}`);
    assert.equal(r.begun, false);
  }
});

test("a frame that is too long or too short is refused on its head", () => {
  for (const hex of ["00000000", "00000001", "000003e90010", "ffffffff0010"]) {
    for (const size of [1, 6]) {
      const r = new FrameReader(judge);
      const bytes = fromHex(hex);
      assert.throws(() => {
        for (let at = 0; at < bytes.length; at += size) r.push(bytes.subarray(at, at + size), collect().on);
      }, SizeError, `${hex} in pieces of ${size}`);
    }
  }
});

test("nothing is taken after false", () => {
  let n = 0;
  new FrameReader(judge).push(stream(), () => ++n < 2);
  assert.equal(n, 2);
});

test("a frame that cannot be written leaves nothing", () => {
  const w = new Writer();
  w.u8(7);
  assert.throws(() => writeFrame(w, 16, 10, "it", (w) => w.raw(new Uint8Array(9))), SizeError);
  assert.throws(() => writeFrame(w, 16, 10, "it", () => {
    w.u8(1);
    throw new Error("on purpose");
  }));
  assert.equal(toHex(w.take()), "07");
});
