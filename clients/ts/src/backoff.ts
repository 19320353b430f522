// Backoff: when a client comes back after it has lost its conn, or has not got one.

import { isPermanent, type Advice } from "./reason.js";

/** How a client comes back. What is missing means the default. */
export interface BackoffOptions {
  /** Milliseconds before the first attempt. Default: 100. */
  readonly min?: number;
  /** The most, which is got to by doubling. Default: 30,000. */
  readonly max?: number;
  /** Failures in a row after which the client gives up; 0: never. Default: 0. */
  readonly attempts?: number;
  /** A conn that has lasted so many milliseconds ends a row of failures. Default: 10,000. */
  readonly lasts?: number;
  /** Whether the client may go to another address that the server has advised. Default: it may not. */
  readonly follow?: (from: string, to: string) => boolean;
}

/** Backoff counts failures, and says when and where the next attempt is. */
export class Backoff {
  private failed = 0;
  private readonly min: number;
  private readonly max: number;
  private readonly attempts: number;
  private readonly lasts: number;
  private readonly mayFollow: (from: string, to: string) => boolean;

  constructor(
    options: BackoffOptions = {},
    private readonly random: () => number = Math.random,
  ) {
    this.min = options.min ?? 100;
    this.max = options.max ?? 30_000;
    this.attempts = options.attempts ?? 0;
    this.lasts = options.lasts ?? 10_000;
    this.mayFollow = options.follow ?? (() => false);
  }

  /** failure counts an attempt that has failed, or a conn that lasted so many milliseconds. */
  failure(lasted = 0): void {
    this.failed = lasted >= this.lasts ? 0 : this.failed + 1;
  }

  /** again tells whether another attempt makes sense after an end for a reason. */
  again(reason: string, advice?: Advice): boolean {
    return !isPermanent(reason, advice) && (this.attempts === 0 || this.failed < this.attempts);
  }

  /** next is how long to wait, in milliseconds, and where to go then from an address. */
  next(from: string, advice?: Advice): { wait: number; to: string } {
    let wait = this.delay();
    let to = from;
    if (advice?.to !== undefined && (advice.to === from || this.mayFollow(from, advice.to))) {
      to = advice.to;
      if (this.failed <= 1) wait = 0; // else servers may be sending the client to and fro
    }
    const after = advice?.after ?? 0;
    // Up to a quarter more, so that those who were told the same do not come together.
    return { wait: Math.max(wait, after + (this.random() * after) / 4), to };
  }

  /** delay doubles with each failure in a row, and varies by a quarter. */
  private delay(): number {
    const d = Math.min(this.max, this.min * 2 ** Math.min(Math.max(this.failed - 1, 0), 40));
    return d - d / 4 + (this.random() * d) / 2;
  }
}
