// 10,000 packets in each direction, in order.
import { Client } from "@packetmq/client";
import { echo, note, packets } from "./packets.mjs";

const count = 10_000;

export async function run(addr) {
  const client = new Client(packets);
  let got = 0;
  let wrong = "";
  const done = new Promise((resolve) =>
    client.handle(echo, ({ n, text }) => {
      if (n !== got || text !== `packet ${n}`) wrong ||= `packet ${n} (${text}) came where ${got} was to come`;
      if (++got === count) resolve();
    }),
  );
  await client.connect(addr);
  for (let n = 0; n < count; n++) await client.sendWait(note, { n, text: `packet ${n}` });
  await done;
  client.close();
  return { got, wrong };
}
