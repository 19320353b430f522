// The vectors that tests of the Go library write: both are held to the same bytes.

import { readFileSync } from "node:fs";

/** vectors are those of a file of test/vectors, by name. */
export function vectors(file: string): Map<string, Uint8Array> {
  const text = readFileSync(new URL(`../../test/vectors/${file}.txt`, import.meta.url), "utf8");
  const all = new Map<string, Uint8Array>();
  for (const line of text.trimEnd().split("\n")) {
    const [name, hex] = line.split(" ");
    all.set(name!, fromHex(hex!));
  }
  return all;
}

export function fromHex(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(hex.match(/../g) ?? [], (x) => parseInt(x, 16));
}

export function toHex(b: Uint8Array): string {
  return Array.from(b, (x) => x.toString(16).padStart(2, "0")).join("");
}
