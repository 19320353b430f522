// The payloads of the handshake and of softquit, each with its write and its read.

import { PacketmqError, PayloadError } from "./errors.js";
import { type Reader } from "./reader.js";
import { type Advice, maxAfter, maxReason, maxTo } from "./reason.js";
import { checkId, type Entry, internalNames, maxNames, type PacketType, type Registry } from "./registry.js";
import type { Writer } from "./writer.js";

/** The version of the protocol. */
export const version = 1;

/** The largest frame that a side takes which announces none. */
export const originalMaxFrame = 99_999;

/** Bounds on the payloads of internal packets, in bytes. */
export const maxInit = 64;
export const maxFinish = 64;
export const maxSoftquit = 1024;
export const maxPubids = 65_536;
export const maxBeat = 16;
export const maxToken = 4096;

/** Bits of features. */
export const Feature = { optional: 0, program: 2, session: 3, state: 4 } as const;

/** What handshake_init says. */
export interface Init {
  readonly version: number;
  readonly maxFrame: number; // 0: none was announced
  readonly heartbeat: boolean;
  readonly auth: boolean;
  readonly features: number;
}

export function writeInit(w: Writer, m: Init): void {
  const n = 1 + Number(m.maxFrame > 0) + Number(m.heartbeat) + Number(m.auth) + Number(m.features !== 0);
  w.map(n);
  const key = (name: string): Writer => {
    w.text(name);
    return w;
  };
  key("version").int(m.version);
  if (m.maxFrame > 0) key("maxframe").int(m.maxFrame);
  if (m.heartbeat) key("heartbeat").bool(true);
  if (m.auth) key("auth").bool(true);
  if (m.features !== 0) key("features").int(m.features);
}

export function readInit(r: Reader): Init {
  let version: number | undefined;
  let maxFrame = 0;
  let heartbeat = false;
  let auth = false;
  let features = 0;
  eachPair(r, (key) => {
    switch (key) {
      case "version":
        version = natural(r) ?? 0;
        break;
      case "maxframe":
        maxFrame = natural(r) ?? 0;
        break;
      case "heartbeat":
        heartbeat = r.code() === 0xc3;
        r.skip();
        break;
      case "auth":
        auth = r.code() === 0xc3;
        r.skip();
        break;
      case "features":
        features = (natural(r) ?? 0) & 0xffff;
        break;
      default:
        r.skip();
    }
  });
  if (version === undefined) throw new PayloadError("handshake_init without a version");
  return { version, maxFrame, heartbeat, auth, features };
}

/** What handshake_pubids says. */
export interface Pubids {
  readonly adapt: boolean | undefined; // undefined: it was neither true nor false
  readonly ids: readonly Entry[];
  readonly details: ReadonlyMap<number, Uint8Array>; // by the bits of features
}

/** writePubids writes what this side tells: its packets, a token if the other side wants one, and details of features. */
export function writePubids(w: Writer, registry: Registry, token: Uint8Array | undefined, details: ReadonlyMap<number, Uint8Array>): void {
  if (token && token.length > maxToken) throw new PacketmqError("size", `a token of ${token.length} bytes, at most ${maxToken} may be`);
  w.map(2 + Number(token !== undefined) + Number(details.size > 0));
  w.text("adapt");
  w.bool(true);
  w.text("idmap");
  w.map(internalNames.length + registry.required.length);
  internalNames.forEach((name, id) => writeEntry(w, { name, id }));
  for (const p of registry.required) writeEntry(w, p);
  if (details.size > 0) {
    w.text("details");
    w.map(details.size);
    for (const [bit, b] of details) {
      w.int(bit);
      w.bin(b);
    }
  }
  if (token) {
    w.text("token");
    w.bin(token);
  }
}

export function readPubids(r: Reader): Pubids {
  let seen = false;
  let adapt: boolean | undefined;
  let ids: readonly Entry[] | undefined;
  const details = new Map<number, Uint8Array>();
  eachPair(r, (key) => {
    switch (key) {
      case "adapt":
        seen = true;
        adapt = policy(r);
        break;
      case "idmap":
        ids = readIds(r);
        break;
      case "details":
        readDetails(r, details);
        break;
      default:
        r.skip();
    }
  });
  if (!seen) throw new PayloadError("handshake_pubids without adapt");
  if (!ids) throw new PayloadError("handshake_pubids without an idmap");
  return { adapt, ids, details };
}

function policy(r: Reader): boolean | undefined {
  const c = r.code();
  if (c === 0xc2 || c === 0xc3) return r.bool();
  const n = natural(r);
  return n === 0 || n === 1 ? n === 1 : undefined;
}

function readDetails(r: Reader, details: Map<number, Uint8Array>): void {
  if (!isMap(r.code())) return r.skip();
  for (let n = r.map(); n > 0; n--) {
    const bit = natural(r);
    if (!isText(r.code())) r.skip();
    else {
      const b = r.bin();
      if (bit !== undefined && !details.has(bit)) details.set(bit, b);
    }
  }
  r.leave();
}

/** writeIds writes what readIds reads. */
export function writeIds(w: Writer, packets: readonly PacketType<any>[]): void {
  w.map(packets.length);
  for (const p of packets) writeEntry(w, p);
}

function writeEntry(w: Writer, e: Entry): void {
  w.text(e.name);
  w.int(e.id);
}

/** readIds reads a map of names and ids. */
export function readIds(r: Reader): Entry[] {
  const entries: Entry[] = [];
  const n = r.map();
  if (n > maxNames) throw new PayloadError(`${n} names, at most ${maxNames} are taken`);
  for (let i = 0; i < n; i++) {
    const name = r.text();
    entries.push({ name, id: checkId(r.int()) });
  }
  r.leave();
  return entries;
}

/** What an update of the ids says. */
export interface Update {
  readonly add: readonly Entry[];
  readonly drop: readonly string[];
}

export function readUpdate(r: Reader): Update {
  let add: readonly Entry[] = [];
  const drop: string[] = [];
  eachPair(r, (key) => {
    if (key === "add") add = readIds(r);
    else if (key === "drop") {
      const n = r.array();
      if (n > maxNames) throw new PayloadError(`${n} names, at most ${maxNames} are taken`);
      for (let i = 0; i < n; i++) drop.push(r.text());
      r.leave();
    } else r.skip();
  });
  return { add, drop };
}

/** What softquit says. */
export interface Softquit {
  readonly reason: string;
  readonly advice: Advice | undefined;
}

export function writeSoftquit(w: Writer, reason: string): void {
  w.map(1);
  w.text("reason");
  w.text(cut(reason, maxReason));
}

export function readSoftquit(r: Reader): Softquit {
  let reason: string | undefined;
  const a: { back?: boolean; to?: string; after?: number; why?: string } = {};
  eachPair(r, (key) => {
    const c = r.code();
    if (key === "reason") reason = cut(r.text(), maxReason);
    else if (key === "back" && (c === 0xc2 || c === 0xc3)) a.back = r.bool();
    else if (key === "to" && isText(c)) {
      const to = r.text();
      if (isAddress(to)) a.to = to;
    } else if (key === "after") {
      const ms = natural(r);
      if (ms !== undefined && ms > 0) a.after = Math.min(ms, maxAfter);
    } else if (key === "why" && isText(c)) a.why = cut(r.text(), maxReason);
    else r.skip();
  });
  if (reason === undefined) throw new PayloadError("softquit without a reason");
  if (a.back === false) {
    delete a.to;
    delete a.after;
  }
  return { reason, advice: Object.keys(a).length > 0 ? a : undefined };
}

/** isAddress tells whether an address can be advised: it has a scheme in front, and no character that could mislead. */
function isAddress(to: string): boolean {
  return to.length <= maxTo && /^[a-z][a-z0-9]*:\/\/[\x21-\x7e]+$/.test(to);
}

/** cut is the beginning of a text that has so many bytes at most. */
export function cut(text: string, max: number): string {
  if (text.length * 3 <= max) return text;
  const buffer = new Uint8Array(max);
  const { read } = new TextEncoder().encodeInto(text, buffer);
  return text.slice(0, read);
}

/** eachPair calls f with each key of a map; f reads the value. Nothing may follow the map. */
function eachPair(r: Reader, f: (key: string) => void): void {
  for (let n = r.map(); n > 0; n--) f(r.text());
  r.leave();
  r.done();
}

/** natural reads a whole number from 0 up, or skips what is none. */
function natural(r: Reader): number | undefined {
  const c = r.code();
  if (c >= 0x80 && (c < 0xcc || c > 0xd3)) {
    r.skip();
    return undefined;
  }
  const v = Number(r.whole());
  return v >= 0 ? v : undefined;
}

function isMap(c: number): boolean {
  return (c >= 0x80 && c < 0x90) || c === 0xde || c === 0xdf;
}

function isText(c: number): boolean {
  return (c >= 0xa0 && c < 0xc0) || (c >= 0xd9 && c <= 0xdb) || (c >= 0xc4 && c <= 0xc6);
}
