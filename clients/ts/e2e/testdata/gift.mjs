// A packet that the server gets while the conn is open, and loses again.
import { Client } from "@packetmq/client";
import { echo, gift, note, packets } from "./packets.mjs";

export async function run(addr) {
  const client = new Client(packets);
  let updated;
  const next = () => new Promise((resolve) => (updated = resolve));
  client.on("updated", () => updated?.());
  const conn = await client.connect(addr);
  const seen = { knew: [conn.knows(gift)] };
  let told = next();
  client.send(note, { n: 1, text: "" });
  await told;
  seen.knew.push(conn.knows(gift));
  const answer = new Promise((resolve) => client.handle(echo, resolve));
  client.send(gift, "flowers");
  seen.got = (await answer).text;
  told = next();
  client.send(note, { n: 2, text: "" });
  await told;
  seen.knew.push(conn.knows(gift));
  try {
    client.send(gift, "chocolate");
  } catch (err) {
    seen.code = err.code;
  }
  client.close();
  return seen;
}
