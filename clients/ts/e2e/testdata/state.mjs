// A mirror, over two conns. It brings what it has when the server says that all is told.
import { Client, Mirror } from "@packetmq/client";
import { line, note, packets, pos } from "./packets.mjs";

export async function run(addr) {
  const client = new Client(packets, { reconnect: { min: 1, max: 5 } });
  let sets = 0;
  let deletes = 0;
  const mirror = new Mirror(client, pos, { set: () => sets++, deleted: () => deletes++ });
  const told = new Promise((resolve) => client.handle(line, resolve));
  await client.connect(addr);
  await told;
  const last = async (x) => {
    while (mirror.values.get(0n)?.x !== x) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  await last(-1);
  client.send(note, { n: 0, text: "" });
  await last(-2);
  const values = [...mirror.values.values()].map((p) => `${p.id}:${p.x}:${p.at.toISOString()}`);
  const { synced } = mirror;
  client.close();
  return { values, synced, sets, deletes };
}
