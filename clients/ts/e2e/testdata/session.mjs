// A session whose conns are cut again and again, while both sides send.
import { Client, Session } from "@packetmq/client";
import { echo, note, packets } from "./packets.mjs";

const count = 2000;

export async function run(addr, ends = true) {
  const client = new Client(packets, { reconnect: { min: 1, max: 5 } });
  const seen = { got: 0, wrong: "", away: 0, back: 0, end: "" };
  let resolveAll;
  const done = new Promise((resolve) => (resolveAll = resolve));
  client.handle(echo, ({ n }) => {
    if (n !== seen.got) seen.wrong ||= `packet ${n} came where ${seen.got} was to come`;
    if (++seen.got === count + 1) resolveAll(); // the last one says that the server has all
  });
  const session = new Session(client, {
    onAway: () => seen.away++,
    onBack: () => seen.back++,
    onEnd: (_, why) => (seen.end = why.reason),
  });
  await client.connect(addr);
  await session.begun;
  for (let n = 0; n < count; n++) {
    session.send(note, { n, text: "" });
    if (n % 20 === 0) await new Promise((resolve) => setTimeout(resolve));
  }
  await done;
  while (seen.back < seen.away) await new Promise((resolve) => setTimeout(resolve, 5));
  if (ends) session.end("reason.done");
  const all = { ...seen };
  client.close(); // which the session would count as one more conn that was lost
  return all;
}
