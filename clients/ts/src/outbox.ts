// Outbox: a session's packets that the other side has not acknowledged, in their order.

import type { PacketType } from "./registry.js";

/** A packet that was sent in a session, encoded. */
export interface SentPacket {
  readonly packet: PacketType<any>;
  readonly payload: Uint8Array;
}

/** Outbox keeps packets from when they are sent until they are acknowledged. They are numbered from 1. */
export class Outbox {
  private kept: SentPacket[] = []; // those after acked; the first `gone` are not needed any more
  private gone = 0;
  private bytes = 0;
  private acked = 0; // packets that the other side has
  private sent = 0; // packets that were given to the current conn, or acknowledged

  constructor(
    private readonly maxPackets: number,
    private readonly maxBytes: number,
  ) {}

  get length(): number {
    return this.kept.length - this.gone;
  }

  /** hasRoom tells whether one more packet may be kept. */
  hasRoom(size: number): boolean {
    return this.length < this.maxPackets && this.bytes + size <= this.maxBytes;
  }

  add(p: SentPacket): void {
    this.kept.push(p);
    this.bytes += p.payload.length;
  }

  /** ack drops the packets up to number n. It is false if the other side cannot have these. */
  ack(n: number): boolean {
    if (n < this.acked || n > this.sent) return false;
    for (; this.acked < n; this.acked++) this.bytes -= this.kept[this.gone++]!.payload.length;
    if (2 * this.gone >= this.kept.length) {
      this.kept = this.kept.slice(this.gone);
      this.gone = 0;
    }
    return true;
  }

  /** resend has everything that is kept sent again, on another conn. */
  resend(): void {
    this.sent = this.acked;
  }

  /** unsent calls send with each packet that was not given to the conn, until that throws. */
  unsent(send: (p: SentPacket) => void): void {
    for (let i = this.gone + this.sent - this.acked; i < this.kept.length; i++) {
      send(this.kept[i]!);
      this.sent++;
    }
  }

  /** packets are those that are kept. */
  packets(): SentPacket[] {
    return this.kept.slice(this.gone);
  }
}
