// Two clients chat in a room, and one of them hears a topic too.
import { Client, isRoomError, join, leave, RoomErrors } from "@packetmq/client";
import { line, packets, rooms, topics } from "./packets.mjs";

class Guest {
  heard = [];
  client = new Client(packets);
  waiting = undefined;

  constructor() {
    this.client.handle(line, (text) => {
      this.heard.push(text);
      this.waiting?.();
    });
  }

  /** hears waits for so many lines. */
  async hears(n) {
    while (this.heard.length < n) await new Promise((resolve) => (this.waiting = resolve));
  }
}

export async function run(addr) {
  const a = new Guest();
  const b = new Guest();
  for (const g of [a, b]) {
    await g.client.connect(addr);
    await join(g.client, rooms, "lobby");
  }
  await join(b.client, topics, "news.*");
  const refused = await join(a.client, rooms, "staff").then(() => "let in", (err) => (isRoomError(err, RoomErrors.refused) ? "refused" : String(err)));
  a.client.send(line, "hello");
  await b.hears(2); // the line, and that it was news
  await a.hears(1);
  b.client.send(line, "hello yourself");
  await a.hears(2);
  await b.hears(4);
  const left = [await leave(b.client, rooms, "lobby"), await leave(b.client, rooms, "lobby")];
  a.client.close();
  b.client.close();
  return { a: a.heard, b: b.heard, refused, left };
}
