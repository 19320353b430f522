// A client that goes where its server sends it.
import { Client } from "@packetmq/client";
import { echo, note, packets } from "./packets.mjs";

export async function run(addr) {
  const client = new Client(packets, { reconnect: { min: 1, follow: (_, to) => to.startsWith("ws://127.0.0.1:") } });
  const seen = { reason: "", after: 0, texts: [] };
  let resolveText;
  client.handle(echo, ({ text }) => {
    seen.texts.push(text);
    resolveText?.(text);
  });
  client.on("lost", ({ reason, advice }) => {
    seen.reason ||= reason;
    seen.after ||= advice?.after ?? 0;
  });
  const other = new Promise((resolve) => (resolveText = (text) => text === "the other" && resolve()));
  client.on("made", () => client.send(note, { n: 1, text: "where am I?" }));
  await client.connect(addr);
  await other;
  client.close();
  return seen;
}
