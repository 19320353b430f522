// Heartbeats in both directions: the script is done when both sides have measured theirs.
import { Client } from "@packetmq/client";
import { echo, note, packets } from "./packets.mjs";

export async function run(addr) {
  const client = new Client(packets, { ping: 500, idle: 60_000 });
  let server = 0;
  client.handle(echo, ({ n }) => (server = n));
  const conn = await client.connect(addr);
  while (server === 0 || conn.rtt === 0) {
    client.send(note, { n: 0, text: "what is your round trip?" });
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  client.close();
  return { rtt: conn.rtt, server };
}
