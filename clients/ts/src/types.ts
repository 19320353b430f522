// Types: how a program's values are written and read, as the Go types of the other side are.

import { Decoder, Encoder } from "@msgpack/msgpack";

import { EncodeError, PacketmqError, PayloadError } from "./errors.js";
import { maxDepth, Reader } from "./reader.js";
import type { Writer } from "./writer.js";

/** Type writes and reads values of T. */
export interface Type<T> {
  readonly name: string;
  /** write appends v, or throws an EncodeError. */
  write(w: Writer, v: T): void;
  /** read takes a value; a nil is the zero value. What it returns shares no memory with the reader. */
  read(r: Reader): T;
  /** zero is what Go has for a value that was never set. */
  zero(): T;
}

/** Static is the TypeScript type of a Type's values. */
export type Static<X> = X extends Type<infer T> ? T : never;

/** The types of an object's fields, in the order in which they travel. */
export type Fields<T> = { [K in keyof T]-?: Type<T[K]> };

function scalar<T>(name: string, zero: T, write: (w: Writer, v: T) => void, read: (r: Reader) => T): Type<T> {
  return { name, write, zero: () => zero, read: (r) => (r.code() === 0xc0 && r.nil() ? zero : read(r)) };
}

/** wrong is the error for a value that is none of a type. */
function wrong(name: string, v: unknown): EncodeError {
  const text = typeof v === "object" || typeof v === "function" ? (v === null ? "null" : `an ${typeof v}`) : `${typeof v} ${String(v).slice(0, 40)}`;
  return new EncodeError(`${text} is no ${name}`);
}

/** within adds to an error of a part where the part is. */
function within(where: string, err: unknown): unknown {
  if (err instanceof EncodeError) return new EncodeError(`${where}: ${err.message}`);
  if (err instanceof PayloadError) return new PayloadError(`${where}: ${err.message}`);
  return err;
}

function whole(name: string, min: number, max: number): Type<number> {
  const ok = (v: number): boolean => Number.isInteger(v) && v >= min && v <= max;
  return scalar(
    name,
    0,
    (w, v) => {
      if (!ok(v)) throw wrong(name, v);
      w.int(v);
    },
    (r) => {
      const v = r.int();
      if (v < min || v > max) throw new PayloadError(`${v} is no ${name}`);
      return v;
    },
  );
}

function big(name: string, min: bigint, max: bigint): Type<bigint> {
  return scalar(
    name,
    0n,
    (w, v) => {
      if (typeof v !== "bigint" || v < min || v > max) throw wrong(name, v);
      w.bigint(v);
    },
    (r) => {
      const v = BigInt(r.whole());
      if (v < min || v > max) throw new PayloadError(`${v} is no ${name}`);
      return v;
    },
  );
}

function float(name: string, write: (w: Writer, v: number) => void): Type<number> {
  return scalar(
    name,
    0,
    (w, v) => {
      if (typeof v !== "number") throw wrong(name, v);
      write(w, v);
    },
    (r) => r.float(),
  );
}

const bool = scalar<boolean>(
  "bool",
  false,
  (w, v) => {
    if (typeof v !== "boolean") throw wrong("bool", v);
    w.bool(v);
  },
  (r) => r.bool(),
);

const str = scalar<string>(
  "str",
  "",
  (w, v) => {
    if (typeof v !== "string") throw wrong("str", v);
    w.text(v);
  },
  (r) => r.text(),
);

const bytes: Type<Uint8Array> = {
  name: "bytes",
  zero: () => new Uint8Array(0),
  write(w, v) {
    if (!(v instanceof Uint8Array)) throw wrong("bytes", v);
    w.bin(v);
  },
  read: (r) => (r.nil() ? new Uint8Array(0) : r.bin()),
};

/** The first moment of the year 1, which is Go's zero time. */
const zeroTime = -62_135_596_800_000;

const time: Type<Date> = {
  name: "time",
  zero: () => new Date(zeroTime),
  write(w, v) {
    if (!(v instanceof Date)) throw wrong("time", v);
    w.time(v);
  },
  read: (r) => (r.nil() ? new Date(zeroTime) : r.time()),
};

const maxInt64 = 2n ** 63n - 1n;

/** i64 is a whole number of 64 bits. */
const i64 = big("i64", -(2n ** 63n), maxInt64);

/** bool, numbers and texts by the names of their Go types. */
const scalars = {
  bool,
  i8: whole("i8", -0x80, 0x7f),
  i16: whole("i16", -0x8000, 0x7fff),
  i32: whole("i32", -0x80000000, 0x7fffffff),
  u8: whole("u8", 0, 0xff),
  u16: whole("u16", 0, 0xffff),
  u32: whole("u32", 0, 0xffffffff),
  i64,
  u64: big("u64", 0n, 2n ** 64n - 1n),
  /** Go's int, as a number: one beyond 2^53 on the wire is a PayloadError. */
  int: whole("int", Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
  /** Go's uint, as a number. */
  uint: whole("uint", 0, Number.MAX_SAFE_INTEGER),
  f32: float("f32", (w, v) => w.f32(v)),
  f64: float("f64", (w, v) => w.f64(v)),
  str,
  bytes,
  time,
  /** Go's time.Duration, in nanoseconds. */
  duration: i64,
};

/** array is a slice; with a length it is a Go array, which has exactly as many elements. */
function array<T>(of: Type<T>, length?: number): Type<T[]> {
  const name = `array of ${of.name}`;
  const zero = (): T[] => Array.from({ length: length ?? 0 }, () => of.zero());
  return {
    name,
    zero,
    write(w, v) {
      if (!Array.isArray(v) || (length !== undefined && v.length !== length)) throw wrong(name, v);
      w.array(v.length);
      for (let i = 0; i < v.length; i++) {
        try {
          of.write(w, v[i]!);
        } catch (err) {
          throw within(`element ${i}`, err);
        }
      }
    },
    read(r) {
      if (r.nil()) return zero();
      const n = r.array();
      if (length !== undefined && n > length) throw new PayloadError(`${n} elements in an array of ${length}`);
      const v: T[] = [];
      for (let i = 0; i < n; i++) v.push(of.read(r));
      r.leave();
      for (let i = n; i < (length ?? 0); i++) v.push(of.zero());
      return v;
    },
  };
}

/** set sets a key that may be anything, "__proto__" too. */
function set<V>(o: Record<string, V>, key: string, value: V): void {
  if (key === "__proto__") Object.defineProperty(o, key, { value, enumerable: true, configurable: true, writable: true });
  else o[key] = value;
}

/** record is a Go map with string keys. */
function record<V>(of: Type<V>): Type<Record<string, V>> {
  const name = `record of ${of.name}`;
  return {
    name,
    zero: () => ({}),
    write(w, v) {
      if (typeof v !== "object" || v === null) throw wrong(name, v);
      const keys = Object.keys(v);
      w.map(keys.length);
      for (const key of keys) {
        w.text(key);
        try {
          of.write(w, v[key]!);
        } catch (err) {
          throw within(`key ${key}`, err);
        }
      }
    },
    read(r) {
      const v: Record<string, V> = {};
      if (r.nil()) return v;
      for (let n = r.map(); n > 0; n--) {
        const key = r.text();
        set(v, key, of.read(r));
      }
      r.leave();
      return v;
    },
  };
}

/** map is a Go map with other keys. */
function map<K, V>(key: Type<K>, of: Type<V>): Type<Map<K, V>> {
  const name = `map of ${of.name}`;
  return {
    name,
    zero: () => new Map(),
    write(w, v) {
      if (!(v instanceof Map)) throw wrong(name, v);
      w.map(v.size);
      for (const [k, value] of v) {
        key.write(w, k);
        of.write(w, value);
      }
    },
    read(r) {
      const v = new Map<K, V>();
      if (r.nil()) return v;
      for (let n = r.map(); n > 0; n--) {
        const k = key.read(r);
        v.set(k, of.read(r));
      }
      r.leave();
      return v;
    },
  };
}

/** nullable is a Go pointer: null where that is nil. */
function nullable<T>(of: Type<T>): Type<T | null> {
  return {
    name: `nullable ${of.name}`,
    zero: () => null,
    write(w, v) {
      if (v === null) w.nil();
      else of.write(w, v);
    },
    read: (r) => (r.nil() ? null : of.read(r)),
  };
}

/** Optional is the Type of a field that may be left out. */
interface Optional<T> extends Type<T | undefined> {
  readonly optional: true;
}

/**
 * optional is a field with omitempty: undefined is left out. What was left out is read as the
 * zero value.
 */
function optional<T>(of: Type<T>): Type<T | undefined> {
  const o: Optional<T> = {
    name: of.name,
    optional: true,
    zero: () => of.zero(),
    read: (r) => of.read(r),
    write(w, v) {
      of.write(w, v as T);
    },
  };
  return o;
}

/** Aliased is the Type of a field that has had other names. */
interface Aliased<T> extends Type<T> {
  readonly aliases: readonly string[];
}

/** alias is a field that is taken by another name too, such as one that it had before. */
function alias<T>(of: Type<T>, ...names: string[]): Type<T> {
  const a: Aliased<T> = { ...of, aliases: [...((of as Partial<Aliased<T>>).aliases ?? []), ...names] };
  return a;
}

/** Field is one of a struct's. */
interface Field {
  readonly name: string;
  readonly type: Type<unknown>;
  readonly optional: boolean;
  readonly key: Uint8Array; // the name as it travels in its shortest form
}

/** fieldsOf are the fields of a struct, in their order. */
function fieldsOf(fields: object): Field[] {
  return Object.entries(fields).map(([key, type]) => fieldOf(key, type as Type<unknown>));
}

/** zeroOf is a struct whose fields are all zero. */
function zeroOf(list: Field[]): object {
  const v: Record<string, unknown> = {};
  for (const f of list) set(v, f.name, f.type.zero());
  return v;
}

/** struct is a Go struct, which travels as a map of its fields by their names. */
function struct<T extends object>(name: string, fields: Fields<T>): Type<T> {
  const list = fieldsOf(fields);
  const byName = new Map<string, number>();
  list.forEach((f, i) => ((f.type as Partial<Aliased<unknown>>).aliases ?? []).forEach((name) => byName.set(name, i)));
  list.forEach((f, i) => byName.set(f.name, i));
  const some = list.some((f) => f.optional);
  const zero = (): T => zeroOf(list) as T;
  return {
    name,
    zero,
    write(w, v) {
      if (typeof v !== "object" || v === null) throw wrong(name, v);
      const values = v as Record<string, unknown>;
      let n = list.length;
      if (some) for (const f of list) if (f.optional && values[f.name] === undefined) n--;
      w.map(n);
      for (const f of list) {
        const value = values[f.name];
        if (f.optional && value === undefined) continue;
        w.raw(f.key);
        writeField(w, f, value);
      }
    },
    read(r) {
      if (r.nil()) return zero();
      const v: Record<string, unknown> = {};
      let next = 0; // fields mostly come in their order
      let inOrder = 0;
      for (let n = r.map(); n > 0; n--) {
        let i: number | undefined;
        if (next < list.length && startsWith(r, list[next]!.key)) {
          i = next;
          r.pos += list[next]!.key.length;
        } else i = byName.get(r.text());
        if (i === undefined) {
          r.skip();
          continue;
        }
        if (i === inOrder) inOrder++;
        next = i + 1;
        const f = list[i]!;
        v[f.name] = readField(r, f);
      }
      r.leave();
      if (inOrder < list.length) for (const f of list) if (!Object.hasOwn(v, f.name)) v[f.name] = f.type.zero();
      return v as T;
    },
  };
}

/** tuple is a Go struct with as_array, which travels as an array of its fields. */
function tuple<T extends object>(name: string, fields: Fields<T>): Type<T> {
  const list = fieldsOf(fields);
  const zero = (): T => zeroOf(list) as T;
  return {
    name,
    zero,
    write(w, v) {
      if (typeof v !== "object" || v === null) throw wrong(name, v);
      w.array(list.length);
      for (const f of list) writeField(w, f, (v as Record<string, unknown>)[f.name]);
    },
    read(r) {
      const v = zero() as Record<string, unknown>;
      if (r.nil()) return v as T;
      const n = r.array();
      for (let i = 0; i < n; i++) {
        const f = list[i];
        if (f === undefined) r.skip();
        else v[f.name] = readField(r, f);
      }
      r.leave();
      return v as T;
    },
  };
}

const utf8 = new TextEncoder();

function fieldOf(name: string, type: Type<unknown>): Field {
  if (name === "__proto__") throw new PacketmqError("registry", "a field cannot be called __proto__");
  const b = utf8.encode(name);
  if (b.length > 0xff) throw new PacketmqError("registry", `the name of a field has ${b.length} bytes, at most 255 may be`);
  const key = b.length < 0x20 ? [0xa0 | b.length, ...b] : [0xd9, b.length, ...b];
  return { name, type, optional: (type as Partial<Optional<unknown>>).optional === true, key: Uint8Array.from(key) };
}

function writeField(w: Writer, f: Field, value: unknown): void {
  try {
    f.type.write(w, value);
  } catch (err) {
    throw within(`field ${f.name}`, err);
  }
}

function readField(r: Reader, f: Field): unknown {
  try {
    return f.type.read(r);
  } catch (err) {
    throw within(`field ${f.name}`, err);
  }
}

/** startsWith tells whether a key comes next. */
function startsWith(r: Reader, key: Uint8Array): boolean {
  if (r.end - r.pos < key.length) return false;
  for (let i = 0; i < key.length; i++) if (r.bytes[r.pos + i] !== key[i]) return false;
  return true;
}

/** lazy is for types that contain themselves: f is called at the first use. */
function lazy<T>(f: () => Type<T>): Type<T> {
  let type: Type<T> | undefined;
  const get = (): Type<T> => (type ??= f());
  return {
    name: "lazy",
    zero: () => get().zero(),
    write: (w, v) => get().write(w, v),
    read: (r) => get().read(r),
  };
}

/** raw is a value that stays encoded. */
const raw: Type<Uint8Array> = {
  name: "raw",
  zero: () => Uint8Array.of(0xc0),
  write: (w, v) => w.raw(v),
  read(r) {
    const at = r.pos;
    r.skip();
    return r.bytes.slice(at, r.pos);
  },
};

const encoder = new Encoder({ useBigInt64: true, maxDepth });
const decoder = new Decoder();

/** readAny reads a value of any kind. */
function readAny(r: Reader): unknown {
  const c = r.code();
  if ((c >= 0x80 && c < 0x90) || c === 0xde || c === 0xdf) return readObject(r);
  if ((c >= 0x90 && c < 0xa0) || c === 0xdc || c === 0xdd) {
    const v: unknown[] = [];
    for (let n = r.array(); n > 0; n--) v.push(readAny(r));
    r.leave();
    return v;
  }
  if ((c >= 0xa0 && c < 0xc0) || (c >= 0xd9 && c <= 0xdb)) return r.text();
  if (c >= 0xc4 && c <= 0xc6) return r.bin();
  if (c === 0xc0) return r.nil() && null;
  if (c === 0xc2 || c === 0xc3) return r.bool();
  if (c === 0xca || c === 0xcb) return r.float();
  if (c === 0xcf || c === 0xd3) return BigInt(r.whole());
  if (c < 0x80 || (c >= 0xcc && c <= 0xd2) || c >= 0xe0) return r.int();
  const at = r.pos;
  r.skip();
  try {
    return decoder.decode(r.bytes.slice(at, r.pos)); // an ext
  } catch (err) {
    throw new PayloadError(err instanceof Error ? err.message : String(err));
  }
}

function readObject(r: Reader): Record<string, unknown> {
  const v: Record<string, unknown> = {};
  for (let n = r.map(); n > 0; n--) {
    r.checkKey();
    const key = String(readAny(r));
    set(v, key, readAny(r));
  }
  r.leave();
  return v;
}

/** any is a value of any kind. Integers of 64 bits are read as bigint, and maps as objects. */
const any: Type<unknown> = {
  name: "any",
  zero: () => null,
  write(w, v) {
    let b: Uint8Array;
    try {
      b = encoder.encodeSharedRef(v);
    } catch (err) {
      throw new EncodeError(err instanceof Error ? err.message : String(err));
    }
    w.raw(b);
  },
  read: readAny,
};

/** enumOf gives a type of numbers or texts the TypeScript type of an enumeration. */
function enumOf<E>(type: Type<number> | Type<string> | Type<bigint>): Type<E> {
  return type as unknown as Type<E>;
}

/** t has the types. */
export const t = { ...scalars, array, record, map, nullable, optional, alias, struct, tuple, lazy, raw, any, enumOf };
