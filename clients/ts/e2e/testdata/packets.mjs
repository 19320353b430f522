// The packets of the tests, as packets_test.go has them, with other ids.
import { defineCall, defineError, definePacket, defineRooms, defineState, t } from "@packetmq/client";

export const Note = t.struct("Note", { n: t.i32, text: t.str });
export const note = definePacket("test:note", 140, Note);
export const echo = definePacket("test:echo", 141, Note);

export const Sum = t.struct("Sum", { A: t.i64, B: t.i64 });
export const add = defineCall("test:add", 150, Sum, t.i64); // the server answers
export const twice = defineCall("test:twice", 152, t.str, t.str); // the script answers
export const ask = defineCall("test:ask", 154, t.str, t.str); // has the server call twice
export const overflow = defineError("test:overflow", Sum);

export const rooms = defineRooms("test:rooms", 160);
export const topics = defineRooms("test:topics", 164);
export const line = definePacket("test:line", 168, t.str);

export const Pos = t.struct("Pos", { id: t.u64, x: t.i32, at: t.time });
export const pos = defineState("test:pos", 170, Pos, (p) => p.id);

export const gift = definePacket("test:gift", 180, t.str, { optional: true }); // the server has it for a while

export const packets = [note, echo, add, twice, ask, rooms, topics, line, pos, gift];
