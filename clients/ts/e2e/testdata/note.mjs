// A handshake, and one packet there and back.
import { Client } from "@packetmq/client";
import { echo, note, packets } from "./packets.mjs";

export async function run(addr) {
  const client = new Client(packets, { version: "1.2" });
  const answer = new Promise((resolve) => client.handle(echo, resolve));
  const conn = await client.connect(addr);
  client.send(note, { n: 7, text: "hello from a script" });
  const got = await answer;
  client.close("reason.bye");
  return { n: got.n, text: got.text, version: conn.remoteVersion, reason: conn.end?.reason };
}
