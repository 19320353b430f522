// Why conns end, in words that the other side is told, and what follows from them.

/** The reasons with a meaning of their own. Any other text is legal too. */
export const Reason = {
  unknown: "reason.unknown",
  versionMismatch: "reason.versionmismatch",
  sameAdaptivePolicy: "reason.sameadaptivepolicy",
  nonEqualPackets: "reason.nonequalpackets",
  generic: "reason.generic",
  shutdown: "reason.shutdown",
  protocol: "reason.protocol",
  frame: "reason.frame",
  payload: "reason.payload",
  timeout: "reason.timeout",
  handler: "reason.handler",
  denied: "reason.denied",
  tls: "reason.tls",
  proxy: "reason.proxy",
  sessionCount: "reason.session.count",
  sessionSuperseded: "reason.session.superseded",
  sessionOver: "reason.session.over",
  sessionMoved: "reason.session.moved",
} as const;

/** What the side that ends a conn advises the other one to do. */
export interface Advice {
  /** Come back or not; undefined: the reason says that, or `to` and `after` imply it. */
  readonly back?: boolean;
  /** The address to come back to; undefined: the same. */
  readonly to?: string;
  /** How long to stay away at least, in milliseconds: an hour at most. */
  readonly after?: number;
  /** With reason.denied: what the refused side may know. */
  readonly why?: string;
}

/** Bounds on what a softquit may say. */
export const maxReason = 512; // bytes
export const maxTo = 255; // bytes
export const maxAfter = 3_600_000; // milliseconds

/** The reasons after which coming back cannot help: neither side changes meanwhile. */
const never: ReadonlySet<string> = new Set([
  Reason.denied,
  Reason.versionMismatch,
  Reason.nonEqualPackets,
  Reason.sameAdaptivePolicy,
  Reason.tls,
  Reason.proxy,
]);

/** isPermanent tells whether coming back cannot help after a conn has ended for a reason. Advice comes first. */
export function isPermanent(reason: string, advice?: Advice): boolean {
  if (advice?.back === false) return true;
  if (advice?.back || advice?.to !== undefined || advice?.after !== undefined) return false;
  return never.has(reason);
}
