// The packets of the tests, as packets_test.go has them.
import { defineCall, defineError, definePacket, defineRooms, defineState, t } from "@packetmq/client";

export const Note = t.struct("Note", { n: t.i32, text: t.str });
export const note = definePacket("test:note", 140, Note);
export const echo = definePacket("test:echo", 141, Note);
