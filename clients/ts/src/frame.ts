// Frames: a length of 4 bytes, an id of 2, and a payload, cut out of bytes that come in any
// pieces.

import { SizeError } from "./errors.js";
import type { Writer } from "./writer.js";

/** What a length counts besides the payload. */
export const idSize = 2;

const headSize = 6;

/** Takes a frame, whose payload is bytes[start:end] and valid during the call. With false nothing more is taken. */
export type OnFrame = (id: number, bytes: Uint8Array, start: number, end: number) => boolean;

/** FrameReader cuts a stream into frames. It keeps one frame at most, whose length was judged before. */
export class FrameReader {
  /** The bytes of a frame that has begun. */
  private part: Uint8Array<ArrayBuffer> | undefined;
  private have = 0;
  private head = new Uint8Array(headSize);
  private headLength = 0;

  /** judge throws if a frame may not come, on seeing its length and id. */
  constructor(private readonly judge: (id: number, length: number) => void) {}

  /** begun tells whether a frame has begun and not ended. */
  get begun(): boolean {
    return this.headLength > 0 || this.part !== undefined;
  }

  /** push takes the next bytes. It throws a SizeError, after which the reader is not to be used. */
  push(chunk: Uint8Array, onFrame: OnFrame): void {
    let at = 0;
    while (at < chunk.length) {
      if (!this.begun && chunk.length - at >= headSize) {
        const length = u32(chunk, at);
        const id = (chunk[at + 4]! << 8) | chunk[at + 5]!;
        this.check(id, length);
        const end = at + 4 + length;
        if (end <= chunk.length) {
          if (!onFrame(id, chunk, at + headSize, end)) return;
          at = end;
          continue;
        }
      }
      at = this.collect(chunk, at);
      const part = this.part;
      if (part === undefined || this.have < part.length) continue;
      this.part = undefined;
      this.headLength = 0;
      if (!onFrame((part[4]! << 8) | part[5]!, part, headSize, part.length)) return;
    }
  }

  /** collect keeps bytes of a frame that is not there as a whole, and returns where it has got to. */
  private collect(chunk: Uint8Array, at: number): number {
    if (this.part === undefined) {
      const n = Math.min(headSize - this.headLength, chunk.length - at);
      this.head.set(chunk.subarray(at, at + n), this.headLength);
      this.headLength += n;
      if (this.headLength >= 4 && u32(this.head, 0) < idSize) this.check(0, u32(this.head, 0));
      if (this.headLength < headSize) return at + n;
      const length = u32(this.head, 0);
      this.check((this.head[4]! << 8) | this.head[5]!, length);
      this.part = new Uint8Array(4 + length);
      this.part.set(this.head);
      this.have = headSize;
      return at + n;
    }
    const n = Math.min(this.part.length - this.have, chunk.length - at);
    this.part.set(chunk.subarray(at, at + n), this.have);
    this.have += n;
    return at + n;
  }

  private check(id: number, length: number): void {
    if (length < idSize) throw new SizeError("frame", length, idSize, "a frame without an id,");
    this.judge(id, length);
  }
}

function u32(b: Uint8Array, at: number): number {
  return ((b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!) >>> 0;
}

/** writeFrame appends a frame whose payload write appends. If that throws, nothing was appended. */
export function writeFrame(w: Writer, id: number, maxLength: number, what: string, write: (w: Writer) => void): void {
  const start = w.length;
  w.u32(0);
  w.u16(id);
  try {
    write(w);
    const length = w.length - start - 4;
    if (length > maxLength) throw new SizeError("size", length, maxLength, what);
    w.patchU32(start, length);
  } catch (err) {
    w.length = start;
    throw err;
  }
}
