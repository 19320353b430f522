// How long values take that this package writes and reads itself, beside @msgpack/msgpack, which
// knows no types. The two take turns, and the medians are compared: npm run bench

import { Decoder, Encoder } from "@msgpack/msgpack";

import { encode } from "../src/codec.js";
import { Reader } from "../src/reader.js";
import { t } from "../src/types.js";
import { Writer } from "../src/writer.js";

const Note = t.struct("Note", { n: t.i32, text: t.str, place: t.array(t.f64), to: t.nullable(t.str) });
const note = { n: 7, text: "hello from a page, a line of chat", place: [1.5, 2.25], to: "ann" };
const payload = encode(Note, note);

const writer = new Writer();
const reader = new Reader();
const encoder = new Encoder({ useBigInt64: true });
const decoder = new Decoder({ useBigInt64: true });

const sides: Record<string, () => void> = {
  "write, own": () => {
    writer.length = 0;
    Note.write(writer, note);
  },
  "write, @msgpack/msgpack": () => void encoder.encodeSharedRef(note),
  "read, own": () => void Note.read(reader.reset(payload)),
  "read, @msgpack/msgpack": () => void decoder.decode(payload),
};

const rounds = 21;
const count = 50_000;
const times: Record<string, number[]> = {};
for (let round = 0; round < rounds; round++) {
  for (const [name, f] of Object.entries(sides)) {
    const begin = performance.now();
    for (let i = 0; i < count; i++) f();
    (times[name] ??= []).push(performance.now() - begin);
  }
}
const median = (name: string): number => times[name]!.sort((a, b) => a - b)[rounds >> 1]!;
for (const what of ["write", "read"]) {
  console.log(`${what}: @msgpack/msgpack takes ${(median(`${what}, @msgpack/msgpack`) / median(`${what}, own`)).toFixed(1)} times as long`);
}
