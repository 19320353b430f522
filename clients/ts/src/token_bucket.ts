// TokenBucket: how much of something may come, at a time and a second.

/** TokenBucket lets `burst` things pass at a time, and then so many a second. */
export class TokenBucket {
  private left: number;
  private at: number | undefined;

  constructor(
    private readonly burst: number,
    private readonly perSecond: number,
  ) {
    this.left = burst;
  }

  /** take takes one, and tells whether there was one. Now is in milliseconds. */
  take(now: number): boolean {
    this.left = Math.min(this.burst, this.left + ((now - (this.at ?? now)) / 1000) * this.perSecond);
    this.at = now;
    if (this.left < 1) return false;
    this.left--;
    return true;
  }
}
