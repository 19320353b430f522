// Writer: bytes that grow, and msgpack values in their shortest forms.

import { EncodeError } from "./errors.js";

const utf8 = new TextEncoder();

/** A text up to this length is written by a loop, which is faster than TextEncoder for short ones. */
const shortText = 40;

/** Writer appends to a buffer that grows. */
export class Writer {
  /** The bytes; those after `length` mean nothing. */
  bytes: Uint8Array<ArrayBuffer>;
  length = 0;
  /** Elements of all arrays and maps, a pair counting two, since it was set to 0. */
  elements = 0;
  private view: DataView;

  constructor(size = 256) {
    this.bytes = new Uint8Array(size);
    this.view = new DataView(this.bytes.buffer);
  }

  /** take returns a copy of what was written, and empties the writer. */
  take(): Uint8Array<ArrayBuffer> {
    const all = this.bytes.slice(0, this.length);
    this.length = 0;
    if (this.bytes.length > maxKept) this.resize(maxKept);
    return all;
  }

  /** room makes room for n more bytes. */
  room(n: number): void {
    const need = this.length + n;
    if (need > this.bytes.length) this.resize(Math.max(need, 2 * this.bytes.length));
  }

  private resize(size: number): void {
    const old = this.bytes;
    this.bytes = new Uint8Array(size);
    this.bytes.set(old.subarray(0, this.length));
    this.view = new DataView(this.bytes.buffer);
  }

  u8(v: number): void {
    this.room(1);
    this.bytes[this.length++] = v;
  }

  u16(v: number): void {
    this.room(2);
    this.view.setUint16(this.length, v);
    this.length += 2;
  }

  u32(v: number): void {
    this.room(4);
    this.view.setUint32(this.length, v);
    this.length += 4;
  }

  u64(v: bigint): void {
    this.room(8);
    this.view.setBigUint64(this.length, v);
    this.length += 8;
  }

  /** patchU32 sets four bytes that were written before. */
  patchU32(at: number, v: number): void {
    this.view.setUint32(at, v);
  }

  raw(b: Uint8Array): void {
    this.room(b.length);
    this.bytes.set(b, this.length);
    this.length += b.length;
  }

  nil(): void {
    this.u8(0xc0);
  }

  bool(v: boolean): void {
    this.u8(v ? 0xc3 : 0xc2);
  }

  /** int writes a whole number between -2^53 and 2^53. */
  int(v: number): void {
    if (v >= 0) {
      if (v < 0x80) this.u8(v);
      else if (v < 0x100) this.code8(0xcc, v);
      else if (v < 0x10000) this.code16(0xcd, v);
      else if (v < 0x100000000) this.code32(0xce, v);
      else this.code64(0xcf, BigInt(v));
    } else if (v >= -0x20) this.u8(v & 0xff);
    else if (v >= -0x80) this.code8(0xd0, v & 0xff);
    else if (v >= -0x8000) this.code16(0xd1, v & 0xffff);
    else if (v >= -0x80000000) this.code32(0xd2, v >>> 0);
    else this.code64(0xd3, BigInt(v));
  }

  /** bigint writes a whole number from -2^63 to 2^64-1. */
  bigint(v: bigint): void {
    if (v >= -0x80000000n && v < 0x100000000n) this.int(Number(v));
    else this.code64(v >= 0n ? 0xcf : 0xd3, v);
  }

  private code8(code: number, v: number): void {
    this.u8(code);
    this.u8(v);
  }

  private code16(code: number, v: number): void {
    this.u8(code);
    this.u16(v);
  }

  private code32(code: number, v: number): void {
    this.u8(code);
    this.u32(v);
  }

  private code64(code: number, v: bigint): void {
    this.u8(code);
    this.u64(BigInt.asUintN(64, v));
  }

  f32(v: number): void {
    this.u8(0xca);
    this.room(4);
    this.view.setFloat32(this.length, v);
    this.length += 4;
  }

  f64(v: number): void {
    this.u8(0xcb);
    this.room(8);
    this.view.setFloat64(this.length, v);
    this.length += 8;
  }

  text(s: string): void {
    const n = s.length;
    if (n <= shortText) {
      this.room(n + 2);
      const start = this.length;
      let at = start + (n < 0x20 ? 1 : 2);
      let i = 0;
      for (; i < n; i++) {
        const c = s.charCodeAt(i);
        if (c >= 0x80) break;
        this.bytes[at++] = c;
      }
      if (i === n) {
        if (n < 0x20) this.bytes[start] = 0xa0 | n;
        else {
          this.bytes[start] = 0xd9;
          this.bytes[start + 1] = n;
        }
        this.length = at;
        return;
      }
    }
    const b = utf8.encode(s);
    if (b.length < 0x20) this.u8(0xa0 | b.length);
    else this.head(b.length, 0xd9, 0xda, 0xdb);
    this.raw(b);
  }

  bin(b: Uint8Array): void {
    this.head(b.length, 0xc4, 0xc5, 0xc6);
    this.raw(b);
  }

  array(n: number): void {
    this.elements += n;
    if (n < 0x10) this.u8(0x90 | n);
    else this.head(n, 0, 0xdc, 0xdd);
  }

  map(n: number): void {
    this.elements += 2 * n;
    if (n < 0x10) this.u8(0x80 | n);
    else this.head(n, 0, 0xde, 0xdf);
  }

  /** time writes a timestamp in its shortest form. */
  time(t: Date): void {
    const ms = t.getTime();
    if (Number.isNaN(ms)) throw new EncodeError("an invalid Date");
    const sec = Math.floor(ms / 1000);
    const nsec = (ms - sec * 1000) * 1_000_000;
    if (sec < 0 || sec >= 2 ** 34) {
      this.u8(0xc7);
      this.u8(12);
      this.u8(0xff);
      this.u32(nsec);
      this.u64(BigInt.asUintN(64, BigInt(sec)));
    } else if (nsec !== 0 || sec >= 2 ** 32) {
      this.u8(0xd7);
      this.u8(0xff);
      this.u64((BigInt(nsec) << 34n) | BigInt(sec));
    } else {
      this.u8(0xd6);
      this.u8(0xff);
      this.u32(sec);
    }
  }

  /** head writes a length after the code of its width; code8 is 0 where there is none of 8 bits. */
  private head(n: number, code8: number, code16: number, code32: number): void {
    if (code8 !== 0 && n < 0x100) this.code8(code8, n);
    else if (n < 0x10000) this.code16(code16, n);
    else this.code32(code32, n);
  }
}

/** A buffer that has grown beyond this many bytes for one burst is given back. */
const maxKept = 256 * 1024;
