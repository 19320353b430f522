// The errors of this package. Each has a code to decide by, and a text for people.

import type { Advice } from "./reason.js";

/** What an error is about. */
export type Code =
  | "registry" // the program has defined packets that cannot be
  | "encode" // a value is none of its packet's type
  | "size" // a packet is longer than may be sent
  | "backpressure" // too much waits to be sent: try later, or use sendWait
  | "not_active" // there is no conn, or its handshake is not done, or it has ended
  | "not_on_wire" // the other side does not have the packet or the feature
  | "payload" // the other side has sent what cannot be decoded
  | "frame" // the other side has sent a frame that is too long or too short
  | "protocol" // the other side has sent what may not come now
  | "limit" // the other side has sent more than this side keeps
  | "connect" // the stream could not be opened
  | "end" // the conn has ended
  | "call" // the other side has answered a call with an error
  | "timeout" // a call was not answered in time
  | "cancelled" // a call was given up
  | "too_many" // as many calls as may be are under way
  | "state" // the other side has sent what can be no part of a state
  | "session"; // a session has ended, or cannot take a packet

/** The class of all errors of this package. */
export class PacketmqError extends Error {
  constructor(
    readonly code: Code,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** A value that is none of its type, such as 300 for a u8. */
export class EncodeError extends PacketmqError {
  constructor(message: string) {
    super("encode", message);
  }
}

/** A payload that cannot be decoded. It ends the conn with reason.payload. */
export class PayloadError extends PacketmqError {
  constructor(message: string, options?: ErrorOptions) {
    super("payload", message, options);
  }
}

/** A packet that is longer than may be sent, or a frame longer than is taken. */
export class SizeError extends PacketmqError {
  constructor(
    code: "size" | "frame",
    readonly length: number,
    readonly max: number,
    what: string,
  ) {
    super(code, `${what} of ${length} bytes, at most ${max} may be`);
  }
}

/** Something that may not come, or not now. It ends the conn with reason.protocol. */
export class ProtocolError extends PacketmqError {
  constructor(message: string) {
    super("protocol", message);
  }
}

/** Packets that one side has and the other lacks. */
export class MismatchError extends PacketmqError {
  constructor(
    readonly missing: readonly string[],
    readonly extra: readonly string[],
  ) {
    super("protocol", `the sides have different packets: the server lacks [${missing.slice(0, 8)}], this side lacks [${extra.slice(0, 8)}]`);
  }
}

/** Who has ended a conn: the other side by a softquit, this side, this side because of a fault, or nobody: the stream is gone. */
export type EndKind = "quit" | "closed" | "fault" | "gone";

/** Why a conn has ended. onLost is told it, and calls under way are rejected with it. */
export class ConnEnd extends PacketmqError {
  constructor(
    readonly kind: EndKind,
    /** The word that travels in softquit, such as reason.shutdown; empty if there was none. */
    readonly reason: string,
    /** What the other side has advised; undefined: nothing. */
    readonly advice?: Advice,
    options?: ErrorOptions,
  ) {
    super("end", textOf(kind, reason, advice, options?.cause), options);
  }
}

function textOf(kind: EndKind, reason: string, advice: Advice | undefined, cause: unknown): string {
  const why = advice?.why ? `: ${advice.why}` : "";
  const error = cause instanceof Error ? `: ${cause.message}` : "";
  switch (kind) {
    case "quit":
      return `the other side has ended the conn: ${reason}${why}${error}`;
    case "closed":
      return `this side has ended the conn: ${reason}`;
    case "fault":
      return `this side has ended the conn: ${reason}${error}`;
    case "gone":
      return `the conn is gone${error}`;
  }
}
