// Payloads: one msgpack value each, within the bounds.

import { EncodeError, PayloadError } from "./errors.js";
import { maxElements, Reader } from "./reader.js";
import type { Type } from "./types.js";
import { Writer } from "./writer.js";

/** writePayload appends v. If it throws, nothing was appended. */
export function writePayload<T>(w: Writer, type: Type<T>, v: T): void {
  const start = w.length;
  w.elements = 0;
  try {
    type.write(w, v);
    if (w.elements > maxElements) throw new EncodeError(`${w.elements} elements, at most ${maxElements} are taken`);
  } catch (err) {
    w.length = start;
    throw err;
  }
}

/** readPayload reads what r was reset to, all of it. */
export function readPayload<T>(r: Reader, type: Type<T>): T {
  if (r.pos === r.end) throw new PayloadError("an empty payload");
  const v = type.read(r);
  r.done();
  return v;
}

/** encode returns the payload of a value. */
export function encode<T>(type: Type<T>, v: T): Uint8Array<ArrayBuffer> {
  const w = new Writer();
  writePayload(w, type, v);
  return w.take();
}

/** decode returns the value of a payload. */
export function decode<T>(type: Type<T>, payload: Uint8Array): T {
  return readPayload(new Reader().reset(payload), type);
}
