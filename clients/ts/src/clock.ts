// Clock: the time, and timers. Tests have one that they move.

/** A clock that never goes back, and its timers. */
export interface Clock {
  /** Milliseconds since some moment. */
  now(): number;
  /** after calls f once, in so many milliseconds, Infinity included. The result takes that back. */
  after(ms: number, f: () => void): () => void;
}

/** The longest that a timer of browsers and Node waits, in milliseconds: 24 days. What is longer would go off at once. */
const maxTimer = 2 ** 31 - 1;

/** The clock of the browser, or of Node. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, f) {
    const timer = setTimeout(f, Math.min(ms, maxTimer));
    return () => clearTimeout(timer);
  },
};
