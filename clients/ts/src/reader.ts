// Reader: msgpack values from bytes that may be anything. It takes all forms of a value, and
// holds the bounds on payloads: depth, elements, lengths.

import { PayloadError } from "./errors.js";

/** Bounds on a payload that is received or sent. */
export const maxDepth = 32;
export const maxElements = 65_536; // of all arrays and maps, a pair counting two

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A text up to this length is read by a loop, which is faster than TextDecoder for short ones. */
const shortText = 64;

/** A whole number from the wire: bigint where a number could not hold it. */
export type Whole = number | bigint;

/** Reader takes values from the front of a payload. */
export class Reader {
  bytes: Uint8Array = new Uint8Array(0);
  pos = 0;
  end = 0;
  depth = 0;
  elements = 0;
  private view: DataView = new DataView(new ArrayBuffer(0));

  /** reset has the reader read bytes[start:end]. */
  reset(bytes: Uint8Array, start = 0, end = bytes.length): this {
    if (bytes.constructor !== Uint8Array) bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length); // slices of a Buffer of Node would share its memory
    if (bytes !== this.bytes) {
      this.bytes = bytes;
      this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    this.pos = start;
    this.end = end;
    this.depth = 0;
    this.elements = 0;
    return this;
  }

  /** done throws if anything is left. */
  done(): void {
    if (this.pos !== this.end) throw new PayloadError(`${this.end - this.pos} bytes after the value`);
  }

  /** take moves on by n bytes and returns where they begin. */
  private take(n: number): number {
    const at = this.pos;
    if (n > this.end - at) throw new PayloadError("the payload is cut off");
    this.pos = at + n;
    return at;
  }

  /** code is the first byte of the next value, which is not taken. */
  code(): number {
    if (this.pos >= this.end) throw new PayloadError("the payload is cut off");
    return this.bytes[this.pos]!;
  }

  u8(): number {
    return this.bytes[this.take(1)]!;
  }

  u16(): number {
    return this.view.getUint16(this.take(2));
  }

  u32(): number {
    return this.view.getUint32(this.take(4));
  }

  u64(): bigint {
    return this.view.getBigUint64(this.take(8));
  }

  /** nil takes a nil, and tells whether there was one. */
  nil(): boolean {
    if (this.code() !== 0xc0) return false;
    this.pos++;
    return true;
  }

  bool(): boolean {
    const c = this.u8();
    if (c === 0xc3) return true;
    if (c === 0xc2) return false;
    throw this.wrong("a bool", c);
  }

  whole(): Whole {
    const c = this.u8();
    if (c < 0x80) return c;
    if (c >= 0xe0) return c - 0x100;
    switch (c) {
      case 0xcc:
        return this.u8();
      case 0xcd:
        return this.u16();
      case 0xce:
        return this.u32();
      case 0xcf:
        return narrow(this.u64());
      case 0xd0:
        return this.view.getInt8(this.take(1));
      case 0xd1:
        return this.view.getInt16(this.take(2));
      case 0xd2:
        return this.view.getInt32(this.take(4));
      case 0xd3:
        return narrow(this.view.getBigInt64(this.take(8)));
    }
    throw this.wrong("an integer", c);
  }

  /** int takes a whole number that a number can hold. */
  int(): number {
    const v = this.whole();
    if (typeof v === "bigint") throw new PayloadError(`${v} is beyond what a number holds exactly`);
    return v;
  }

  /** float takes a float of 32 or 64 bits, or a whole number. */
  float(): number {
    switch (this.code()) {
      case 0xca:
        this.pos++;
        return this.view.getFloat32(this.take(4));
      case 0xcb:
        this.pos++;
        return this.view.getFloat64(this.take(8));
    }
    return Number(this.whole());
  }

  /** span takes a text or bytes, and returns its length; it ends where the reader is now. */
  private span(what: string): number {
    const c = this.u8();
    let n: number;
    if (c >= 0xa0 && c < 0xc0) n = c & 0x1f;
    else if (c === 0xd9 || c === 0xc4) n = this.u8();
    else if (c === 0xda || c === 0xc5) n = this.u16();
    else if (c === 0xdb || c === 0xc6) n = this.u32();
    else throw this.wrong(what, c);
    this.take(n);
    return n;
  }

  text(): string {
    const n = this.span("text");
    return this.textAt(this.pos - n, n);
  }

  private textAt(at: number, n: number): string {
    if (n <= shortText) {
      let s = "";
      let i = 0;
      for (; i < n; i++) {
        const c = this.bytes[at + i]!;
        if (c >= 0x80) break;
        s += String.fromCharCode(c);
      }
      if (i === n) return s;
    }
    try {
      return utf8.decode(this.bytes.subarray(at, at + n));
    } catch {
      throw new PayloadError("text that is not UTF-8");
    }
  }

  /** bin takes bytes, and returns a copy of them. */
  bin(): Uint8Array<ArrayBuffer> {
    const n = this.span("bytes");
    return this.bytes.slice(this.pos - n, this.pos) as Uint8Array<ArrayBuffer>;
  }

  /** array takes the head of an array. leave has to be called after its elements. */
  array(): number {
    const c = this.u8();
    let n: number;
    if (c >= 0x90 && c < 0xa0) n = c & 0x0f;
    else if (c === 0xdc) n = this.u16();
    else if (c === 0xdd) n = this.u32();
    else throw this.wrong("an array", c);
    return this.enter(n, n);
  }

  /** map takes the head of a map, and returns the number of its pairs. leave has to be called after them. */
  map(): number {
    const c = this.u8();
    let n: number;
    if (c >= 0x80 && c < 0x90) n = c & 0x0f;
    else if (c === 0xde) n = this.u16();
    else if (c === 0xdf) n = this.u32();
    else throw this.wrong("a map", c);
    return this.enter(n, 2 * n);
  }

  private enter(n: number, elements: number): number {
    if (elements > this.end - this.pos) throw new PayloadError("an array or a map of more elements than there are bytes");
    if ((this.elements += elements) > maxElements) throw new PayloadError(`more than ${maxElements} elements`);
    if (++this.depth > maxDepth) throw new PayloadError(`nested deeper than ${maxDepth}`);
    return n;
  }

  leave(): void {
    this.depth--;
  }

  /** time takes a timestamp of 4, 8 or 12 bytes. What is less than a millisecond is cut off. */
  time(): Date {
    const c = this.u8();
    let n: number;
    if (c === 0xd6) n = 4;
    else if (c === 0xd7) n = 8;
    else if (c === 0xc7) n = this.u8();
    else throw this.wrong("a time", c);
    if (this.u8() !== 0xff) throw new PayloadError("an ext that is no timestamp");
    let sec: number;
    let nsec = 0;
    if (n === 4) sec = this.u32();
    else if (n === 8) {
      const v = this.u64();
      sec = Number(v & 0x3ffffffffn);
      nsec = Number(v >> 34n);
    } else if (n === 12) {
      nsec = this.u32();
      sec = Number(BigInt.asIntN(64, this.u64()));
    } else throw new PayloadError(`a timestamp of ${n} bytes`);
    const t = new Date(sec * 1000 + Math.floor(nsec / 1_000_000));
    if (Number.isNaN(t.getTime())) throw new PayloadError("a time that a Date cannot hold");
    return t;
  }

  /** skip takes a value of any kind, and checks that it can be one. */
  skip(): void {
    const c = this.code();
    if (c < 0x80 || c >= 0xe0 || c === 0xc0 || c === 0xc2 || c === 0xc3) this.pos++;
    else if (c < 0x90 || c === 0xde || c === 0xdf) {
      for (let n = this.map(); n > 0; n--) {
        this.checkKey();
        this.skip();
        this.skip();
      }
      this.leave();
    } else if (c < 0xa0 || c === 0xdc || c === 0xdd) {
      for (let n = this.array(); n > 0; n--) this.skip();
      this.leave();
    } else if (c < 0xc0 || (c >= 0xd9 && c <= 0xdb)) this.text();
    else if (c >= 0xc4 && c <= 0xc6) this.span("bytes");
    else if (c >= 0xcc && c <= 0xd3) this.whole();
    else if (c === 0xca || c === 0xcb) this.float();
    else this.ext(c);
  }

  /** checkKey throws if the next key of a map is a map, an array or an ext. */
  checkKey(): void {
    const c = this.code();
    const composite = (c >= 0x80 && c < 0xa0) || (c >= 0xdc && c <= 0xdf);
    const isExt = (c >= 0xc7 && c <= 0xc9) || (c >= 0xd4 && c <= 0xd8);
    if (composite || isExt) throw new PayloadError("a map, an array or an ext as the key of a map");
  }

  private ext(c: number): void {
    this.pos++;
    let n: number;
    if (c >= 0xd4 && c <= 0xd8) n = 1 << (c - 0xd4);
    else if (c === 0xc7) n = this.u8();
    else if (c === 0xc8) n = this.u16();
    else if (c === 0xc9) n = this.u32();
    else throw this.wrong("a value", c);
    const type = this.u8();
    if (type >= 0x80 && !(type === 0xff && (n === 4 || n === 8 || n === 12))) throw new PayloadError(`an ext of type ${type - 0x100}`);
    this.take(n);
  }

  private wrong(want: string, code: number): PayloadError {
    return new PayloadError(`want ${want}, got code 0x${code.toString(16)}`);
  }
}

function narrow(v: bigint): Whole {
  return v >= -9007199254740991n && v <= 9007199254740991n ? Number(v) : v;
}
