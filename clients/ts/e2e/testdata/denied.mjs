// A client that the server does not let in, and one that it does.
import { Client } from "@packetmq/client";
import { packets } from "./packets.mjs";

export async function run(addr) {
  const failed = [];
  const stranger = new Client(packets, { reconnect: { min: 1 }, token: "nobody" });
  stranger.on("failed", (err) => failed.push(err.reason));
  const end = await stranger.connect(addr).catch((err) => err);
  const ann = new Client(packets, { token: async () => "ann" });
  await ann.connect(addr);
  ann.close();
  return { failed, kind: end.kind, reason: end.reason, why: end.advice?.why ?? "" };
}
