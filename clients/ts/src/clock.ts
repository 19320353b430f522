// Clock: the time, and timers. Tests have one that they move.

/** A clock that never goes back, and its timers. */
export interface Clock {
  /** Milliseconds since some moment. */
  now(): number;
  /** after calls f once, in so many milliseconds. The result takes that back. */
  after(ms: number, f: () => void): () => void;
}

/** The clock of the browser, or of Node. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, f) {
    const timer = setTimeout(f, ms);
    return () => clearTimeout(timer);
  },
};
