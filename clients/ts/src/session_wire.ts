// The packets of sessions: messages about a session, told from its packets by their first two
// bytes, where a session's packet has an id from 16 on. Numbers are big-endian.

import { PayloadError } from "./errors.js";
import { cut } from "./handshake.js";
import type { Reader } from "./reader.js";
import { minId } from "./registry.js";
import type { Writer } from "./writer.js";

export const Kind = { begin: 1, resume: 2, accepted: 3, refused: 4, ack: 5, end: 6 } as const;

export const secretSize = 16;
const idSize = 2 + 4 + 8;
const windowSize = 8;

/** The longest reason of an end, in bytes. */
const maxReason = 512;

/** How much a side keeps for the other one at most, in packets and bytes. */
export interface Window {
  readonly packets: number;
  readonly bytes: number;
}

export interface Accepted {
  readonly kind: "accepted";
  readonly resumed: boolean;
  readonly id: Uint8Array;
  readonly secret: Uint8Array;
  readonly received: number;
  readonly window: Window;
}

/** What a server can say. */
export type Message =
  | { readonly kind: "packet" }
  | Accepted
  | { readonly kind: "refused"; readonly why: number }
  | { readonly kind: "ack"; readonly received: number }
  | { readonly kind: "end"; readonly received: number; readonly reason: string };

function writeWindow(w: Writer, v: Window): void {
  w.u32(v.packets);
  w.u32(v.bytes);
}

export function writeBegin(w: Writer, nonce: Uint8Array, attempt: number, window: Window): void {
  w.u16(Kind.begin);
  w.raw(nonce);
  w.u32(attempt);
  writeWindow(w, window);
}

export function writeResume(w: Writer, id: Uint8Array, secret: Uint8Array, attempt: number, received: number, window: Window): void {
  w.u16(Kind.resume);
  w.raw(id);
  w.raw(secret);
  w.u32(attempt);
  w.u64(BigInt(received));
  writeWindow(w, window);
}

export function writeAck(w: Writer, received: number): void {
  w.u16(Kind.ack);
  w.u64(BigInt(received));
}

export function writeEnd(w: Writer, received: number, reason: string): void {
  w.u16(Kind.end);
  w.u64(BigInt(received));
  w.raw(new TextEncoder().encode(cut(reason, maxReason)));
}

/** readMessage reads what a server says. Of a packet of the session's nothing is taken. */
export function readMessage(r: Reader): Message {
  const start = r.pos;
  const size = r.end - r.pos - 2;
  const kind = r.u16();
  if (kind >= minId) {
    r.pos = start;
    return { kind: "packet" };
  }
  const want = (n: number): void => {
    if (size !== n) throw new PayloadError(`${size} bytes are no message of kind ${kind} of a session`);
  };
  switch (kind) {
    case Kind.accepted: {
      want(1 + idSize + secretSize + 8 + windowSize);
      const resumed = r.u8();
      if (resumed > 1) throw new PayloadError("a session that is neither new nor old");
      const id = bytes(r, idSize);
      const secret = bytes(r, secretSize);
      const received = Number(r.u64());
      return { kind: "accepted", resumed: resumed === 1, id, secret, received, window: { packets: r.u32(), bytes: r.u32() } };
    }
    case Kind.refused:
      want(1);
      return { kind: "refused", why: r.u8() };
    case Kind.ack:
      want(8);
      return { kind: "ack", received: Number(r.u64()) };
    case Kind.end: {
      if (size < 8 || size > 8 + maxReason) want(8);
      const received = Number(r.u64());
      return { kind: "end", received, reason: new TextDecoder().decode(bytes(r, size - 8)) };
    }
  }
  throw new PayloadError(`a message of kind ${kind} of a session`);
}

function bytes(r: Reader, n: number): Uint8Array {
  const b = r.bytes.slice(r.pos, r.pos + n);
  r.pos += n;
  return b;
}

/** idText is an id as Go prints it: node, epoch and number. */
export function idText(id: Uint8Array): string {
  const v = new DataView(id.buffer, id.byteOffset, id.length);
  return `${v.getUint16(0)}-${v.getUint32(2)}-${v.getBigUint64(6)}`;
}
