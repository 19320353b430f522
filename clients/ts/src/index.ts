// @packetmq/client: a client of packetmq for browsers and Node.

export { type BackoffOptions } from "./backoff.js";
export { call, type Call, CallError, CallErrors, type CallContext, type CallOptions, defineCall, defineError, type ErrorType, handleCall } from "./call.js";
export { Client, type ClientEvents, type ClientOptions, defaultLimits, type Handler } from "./client.js";
export { type Clock, systemClock } from "./clock.js";
export { decode, encode } from "./codec.js";
export { Conn, type Extension, type Limits, type Link, type Program, type State } from "./conn.js";
export {
  type Code,
  ConnEnd,
  EncodeError,
  type EndKind,
  MismatchError,
  PacketmqError,
  PayloadError,
  ProtocolError,
  SizeError,
} from "./errors.js";
export { defineState, Mirror, type MirrorOptions, type StateType } from "./mirror.js";
export { type SentPacket } from "./outbox.js";
export { Reader, type Whole } from "./reader.js";
export { type Advice, Reason } from "./reason.js";
export { type Definition, definePacket, type PacketOptions, type PacketType, Registry } from "./registry.js";
export { defineRooms, isRoomError, join, leave, RoomErrors, type RoomRequests } from "./room.js";
export { decodeSent, Session, type SessionCode, SessionError, type SessionOptions } from "./session.js";
export { type WebSocketConstructor, type WebSocketLike } from "./socket.js";
export { type Fields, type Static, t, type Type } from "./types.js";
export { Writer } from "./writer.js";
