// The packets, calls and errors of the arena, as packets.go has them.
import { defineCall, defineError, definePacket, defineState, t } from "@packetmq/client";

const Pos = t.tuple("Pos", { id: t.u64, x: t.i32, y: t.i32 });
const Move = t.tuple("Move", { dx: t.i32, dy: t.i32 });
const Say = t.struct("Say", { Text: t.str });
const Said = t.struct("Said", { From: t.str, Text: t.str, Private: t.bool });
const Enter = t.struct("Enter", { Room: t.str });
const Place = t.struct("Place", { At: Pos });
const Question = t.struct("Question", { Room: t.str });
const Reply = t.struct("Reply", { Ready: t.bool });
const Use = t.struct("Use", { Item: t.str });
const Used = t.struct("Used", { Left: t.int });
const Whisper = t.struct("Whisper", { To: t.str, Text: t.str });
const Done = t.struct("Done", {});

export const pos = defineState("arena:pos", 20, Pos, (p) => p.id);
export const move = definePacket("arena:move", 21, Move);
export const say = definePacket("arena:say", 22, Say, { maxSize: 512 });
export const said = definePacket("arena:said", 23, Said);

export const enter = defineCall("arena:enter", 24, Enter, Place);
export const use = defineCall("arena:use", 26, Use, Used);
export const whisper = defineCall("arena:whisper", 28, Whisper, Done);
export const ready = defineCall("arena:ready", 30, Question, Reply);

export const nobody = defineError("arena:nobody");

export const packets = [pos, move, say, said, enter, use, whisper, ready];
