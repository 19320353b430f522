// Rooms and topics: asking to join them, and to leave.

import { call, type Call, CallError, type CallOptions, defineCall } from "./call.js";
import type { Client } from "./client.js";
import type { Definition, PacketType } from "./registry.js";
import { t } from "./types.js";

/** The longest packet of a request, in bytes. */
const maxRequest = 512;

/** RoomRequests are the calls by which clients join rooms, or subscribe to topics. Make them with defineRooms. */
export interface RoomRequests extends Definition {
  readonly join: Call<string, boolean>;
  readonly leave: Call<string, boolean>;
}

/** defineRooms defines requests as request.Define does in Go: by a name and the first of four ids. */
export function defineRooms(name: string, id: number): RoomRequests {
  const join = defineCall(`${name}.join`, id, t.str, t.bool, { maxSize: maxRequest });
  const leave = defineCall(`${name}.leave`, id + 2, t.str, t.bool, { maxSize: maxRequest });
  const packets: PacketType<any>[] = [...join.packets, ...leave.packets];
  return { join, leave, packets };
}

/** The names of errors with which requests fail, beside those of calls and of the program. */
export const RoomErrors = {
  refused: "packetmq:refused",
  tooMany: "packetmq:toomanyrooms",
  name: "packetmq:roomname",
} as const;

/** isRoomError tells whether a request has failed with one of RoomErrors. */
export function isRoomError(err: unknown, name: (typeof RoomErrors)[keyof typeof RoomErrors]): err is CallError {
  return err instanceof CallError && err.errorName === name;
}

/** join asks to join a room, or to subscribe to a pattern of topics such as "px.eu.*" or "px.>". Memberships end with the conn. */
export async function join(client: Client, rooms: RoomRequests, name: string, options?: CallOptions): Promise<void> {
  await call(client, rooms.join, name, options);
}

/** leave asks to leave, and resolves with whether there was something to leave. */
export function leave(client: Client, rooms: RoomRequests, name: string, options?: CallOptions): Promise<boolean> {
  return call(client, rooms.leave, name, options);
}
