import assert from "node:assert/strict";
import { test } from "node:test";

import { decode, encode } from "../src/codec.js";
import { EncodeError, PacketmqError, PayloadError } from "../src/errors.js";
import { Reader } from "../src/reader.js";
import { t, type Static, type Type } from "../src/types.js";
import { fromHex, toHex, vectors } from "./vectors.js";

const Inner = t.struct("Inner", { name: t.str, List: t.array(t.u16) });
const Tuple = t.tuple("Tuple", { X: t.int, Label: t.str });
const Struct = t.struct("Struct", {
  a: t.i32,
  b: t.bool,
  left: t.optional(t.str),
  Inner,
  To: t.nullable(Inner),
  T: Tuple,
  M: t.record(t.i64),
  At: t.time,
});

const at = new Date(Date.UTC(2026, 1, 3, 4, 5, 6, 789));
const secs = new Date(Date.UTC(2026, 1, 3, 4, 5, 6));

function v<T>(type: Type<T>, value: T): { type: Type<any>; value: unknown } {
  return { type, value };
}

/** The values of codec/vectors_test.go. */
const values: Record<string, { type: Type<any>; value: unknown }> = {
  true: v(t.bool, true),
  false: v(t.bool, false),
  "i8-min": v(t.i8, -128),
  "u8-max": v(t.u8, 255),
  "i16-min": v(t.i16, -32768),
  "u16-max": v(t.u16, 65535),
  "i32-min": v(t.i32, -(2 ** 31)),
  "i32-max": v(t.i32, 2 ** 31 - 1),
  "u32-max": v(t.u32, 2 ** 32 - 1),
  "i32-fix": v(t.i32, -32),
  "i32-127": v(t.i32, 127),
  "i32--33": v(t.i32, -33),
  "i64-min": v(t.i64, -(2n ** 63n)),
  "i64-max": v(t.i64, 2n ** 63n - 1n),
  "i64-small": v(t.i64, 5n),
  "u64-max": v(t.u64, 2n ** 64n - 1n),
  "int-53": v(t.int, Number.MAX_SAFE_INTEGER),
  "int--53": v(t.int, Number.MIN_SAFE_INTEGER),
  "uint-40": v(t.uint, 2 ** 40),
  f32: v(t.f32, 1.5),
  f64: v(t.f64, 0.1),
  "f64-whole": v(t.f64, 3),
  "f64-inf": v(t.f64, -Infinity),
  "str-empty": v(t.str, ""),
  "str-short": v(t.str, "hello"),
  "str-31": v(t.str, "x".repeat(31)),
  "str-32": v(t.str, "x".repeat(32)),
  "str-256": v(t.str, "y".repeat(256)),
  "str-utf8": v(t.str, "héé 日本 🎈"),
  bytes: v(t.bytes, Uint8Array.of(0, 255, 7)),
  "bytes-300": v(t.bytes, new Uint8Array(300)),
  "time-ms": v(t.time, at),
  "time-s": v(t.time, secs),
  "time-zero": v(t.time, t.time.zero()),
  "time-late": v(t.time, new Date(Date.UTC(2600, 0, 1))),
  "time-before": v(t.time, new Date(-500)),
  duration: v(t.duration, 1_500_000_000n),
  array: v(t.array(t.i32), [1, -2, 3]),
  "array-16": v(t.array(t.bool), new Array(16).fill(false)),
  "array-fixed": v(t.array(t.u16, 3), [1, 2, 3]),
  record: v(t.record(t.i32), { one: 1 }),
  map: v(t.map(t.u32, t.str), new Map([[7, "seven"]])),
  nullable: v(t.nullable(Inner), null),
};

test("values travel as those of the Go library do", () => {
  const all = vectors("values");
  const structs = ["struct", "struct-optional"];
  assert.deepEqual([...all.keys()].filter((name) => !structs.includes(name)), Object.keys(values));
  for (const [name, { type, value }] of Object.entries(values)) {
    const bytes = all.get(name)!;
    assert.equal(toHex(encode(type, value)), toHex(bytes), name);
    assert.deepEqual(decode(type, bytes), value, name);
  }
});

test("structs are read as the Go library writes them", () => {
  const all = vectors("values");
  assert.deepEqual(decode(Struct, all.get("struct")!), {
    a: -7,
    b: true,
    left: "",
    Inner: { name: "in", List: [1, 2] },
    To: { name: "to", List: [] }, // a nil slice
    T: { X: 3, Label: "t" },
    M: { k: 2n ** 63n - 1n },
    At: at,
  });
  const optional: Static<typeof Struct> = { a: 0, b: false, left: "left", Inner: { name: "", List: [] }, To: null, T: { X: 0, Label: "" }, M: {}, At: at };
  assert.deepEqual(decode(Struct, all.get("struct-optional")!), optional);
  assert.equal(toHex(encode(Struct, optional)), toHex(all.get("struct-optional")!));
  assert.ok(!toHex(encode(Struct, { ...optional, left: undefined })).includes("6c656674"), "a field that is undefined is left out");
});

test("what is missing is zero, what is unknown is skipped, and order does not matter", () => {
  const Old = t.struct("Old", { z: t.i32, other: t.array(t.str), a: t.i32 });
  const New = t.struct("New", { a: t.i32, b: t.str, t: t.bytes, c: t.nullable(t.i8), z: t.i32, d: t.array(t.u8, 2) });
  assert.deepEqual(decode(New, encode(Old, { z: 9, other: ["x", "y"], a: 7 })), { a: 7, b: "", t: new Uint8Array(0), c: null, z: 9, d: [0, 0] });
  assert.deepEqual(decode(Tuple, fromHex("9107")), { X: 7, Label: "" });
  assert.deepEqual(decode(Tuple, fromHex("9307a0a178")), { X: 7, Label: "" });
  assert.deepEqual(decode(New, fromHex("c0")), New.zero());
});

test("aliases are taken", () => {
  const Renamed = t.struct("Renamed", { name: t.alias(t.str, "title") });
  assert.deepEqual(decode(Renamed, encode(t.struct("Old", { title: t.str }), { title: "x" })), { name: "x" });
  assert.equal(toHex(encode(Renamed, { name: "x" })), "81a46e616d65a178");
});

test("types that contain themselves", () => {
  interface Node {
    v: number;
    next: Node | null;
  }
  const Node: Type<Node> = t.struct<Node>("Node", { v: t.i32, next: t.nullable(t.lazy(() => Node)) });
  const list = { v: 1, next: { v: 2, next: null } };
  assert.deepEqual(decode(Node, encode(Node, list)), list);
  let deep: Node | null = null;
  for (let i = 0; i < 33; i++) deep = { v: i, next: deep };
  assert.throws(() => decode(Node, encode(Node, deep!)), PayloadError);
});

test("enumerations", () => {
  const Kind = { Sword: 0, Shield: 1 } as const;
  type Kind = (typeof Kind)[keyof typeof Kind];
  const K = t.enumOf<Kind>(t.i32);
  const kind: Kind = decode(K, encode(K, Kind.Shield));
  assert.equal(kind, Kind.Shield);
});

test("values of any kind", () => {
  const value = { a: 1, b: [true, null, "x", 1.5], c: { d: new Uint8Array([1]) }, big: 2n ** 60n, at };
  assert.deepEqual(decode(t.any, encode(t.any, value)), value);
  assert.throws(() => decode(t.any, fromHex("81900a")), PayloadError, "an array as a key");
  assert.throws(() => decode(t.any, fromHex("c1")), PayloadError);
  assert.throws(() => decode(t.any, fromHex("91".repeat(40) + "c0")), PayloadError, "too deep");
});

test("keys of an object can be anything", () => {
  for (const type of [t.record(t.i32), t.any as Type<object>]) {
    const bytes = "81a95f5f70726f746f5f5f07";
    const o = decode(type, fromHex(bytes));
    assert.deepEqual(Object.entries(o), [["__proto__", 7]]);
    assert.equal(Object.getPrototypeOf(o), Object.prototype);
    assert.equal(toHex(encode(type, o)), bytes);
  }
  assert.deepEqual(decode(t.any, fromHex("850701c302c003cf000000000000000104ca3f80000005")), { 7: 1, true: 2, null: 3, 1: 5 });
});

test("values of another type are refused, with where they are", () => {
  const bad: [Type<any>, unknown][] = [
    [t.u8, 256],
    [t.i8, -129],
    [t.i32, 1.5],
    [t.i32, "1"],
    [t.i64, 5],
    [t.i64, 2n ** 63n],
    [t.u64, -1n],
    [t.int, 2 ** 53],
    [t.uint, -1],
    [t.str, 5],
    [t.str, undefined],
    [t.bool, 1],
    [t.bytes, [1]],
    [t.time, 5],
    [t.time, new Date(NaN)],
    [t.f64, 1n],
    [t.array(t.u8, 2), [1]],
    [t.array(t.u8), null],
    [t.map(t.str, t.str), {}],
    [t.any, () => 1],
    [Struct, null],
  ];
  for (const [type, value] of bad) assert.throws(() => encode(type, value), EncodeError, `${type.name} ${String(value)}`);
  assert.throws(() => encode(t.array(Inner), [{ name: "x", List: [1, 70000] }]), /element 0: field List: element 1: number 70000 is no u16/);
});

test("payloads of another type are refused", () => {
  const bad: [Type<any>, string, string][] = [
    [t.u8, "cd0100", "too large"],
    [t.u8, "ff", "negative"],
    [t.int, "cf0020000000000000", "beyond 2^53"],
    [t.i64, "cf8000000000000000", "beyond 63 bits"],
    [t.str, "05", "a number"],
    [t.str, "a2ff", "cut off"],
    [t.str, "a1ff", "not UTF-8"],
    [t.bool, "01", "a number"],
    [t.bytes, "c40501", "cut off"],
    [t.array(t.u8), "92", "cut off"],
    [t.array(t.u8), "ddffffffff", "more elements than bytes"],
    [t.array(t.u8, 1), "920102", "too many elements"],
    [t.record(t.u8), "dfffffffff", "more elements than bytes"],
    [t.time, "d6fe00000000", "another ext"],
    [t.time, "c705ff0000000000", "five bytes"],
    [t.u8, "0102", "trailing"],
    [t.u8, "", "empty"],
    [t.i32, "c1", "c1"],
    [Struct, "81a161a0", "a field of another type"],
  ];
  for (const [type, hex, what] of bad) assert.throws(() => decode(type, fromHex(hex)), PayloadError, `${type.name}: ${what}`);
});

test("a payload has at most 65,536 elements", () => {
  const many = new Array<boolean>(65_536).fill(true);
  const type = t.array(t.bool);
  assert.equal(decode(type, encode(type, many)).length, 65_536);
  assert.throws(() => encode(type, [...many, true]), EncodeError);
  const hex = "dd00010001" + "c3".repeat(65_537);
  assert.throws(() => decode(type, fromHex(hex)), PayloadError);
});

test("bin is taken where text is wanted, and all forms of a number", () => {
  assert.equal(decode(t.str, fromHex("c4026869")), "hi");
  assert.equal(decode(t.i32, fromHex("d3ffffffffffffffff")), -1);
  assert.equal(decode(t.i64, fromHex("cc07")), 7n);
  assert.equal(decode(t.f64, fromHex("07")), 7);
  assert.equal(decode(t.f64, fromHex("ca3fc00000")), 1.5);
});

test("values share no memory with what they were read from", () => {
  const from = Buffer.from(fromHex("92c4020708c403010203"));
  const read = decode(t.array(t.bytes), from);
  from.fill(0);
  assert.deepEqual(read, [Uint8Array.of(7, 8), Uint8Array.of(1, 2, 3)]);
  const large = new Uint8Array(1000);
  large.set(fromHex("c4020708"));
  const any = new Reader().reset(large, 0, 4);
  const kept = t.any.read(any) as Uint8Array;
  large.fill(0);
  assert.deepEqual(kept, Uint8Array.of(7, 8));
  assert.ok(kept.buffer.byteLength < 10, "it would keep alive all that came with it");
});

test("a field cannot be called __proto__", () => {
  assert.throws(() => t.struct("Bad", { ["__proto__"]: t.i32 } as Record<string, Type<number>>), PacketmqError);
});

test("random bytes are read or refused, and nothing else", () => {
  let seed = 1;
  const random = (): number => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) >>> 8;
  const types = [Struct, t.any, t.array(Struct), t.record(t.any), Tuple, t.map(t.str, t.time)] as Type<any>[];
  for (let i = 0; i < 20_000; i++) {
    const b = Uint8Array.from({ length: random() % 40 }, () => random() & 0xff);
    const type = types[i % types.length]!;
    try {
      decode(type, b);
    } catch (err) {
      if (!(err instanceof PayloadError)) throw new Error(`${type.name} of ${toHex(b)}`, { cause: err });
    }
  }
});
