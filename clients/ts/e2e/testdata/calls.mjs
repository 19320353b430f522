// Calls in both directions, with their errors and ends.
import { call, Client, handleCall } from "@packetmq/client";
import { add, ask, overflow, packets, twice } from "./packets.mjs";

export async function run(addr) {
  const client = new Client(packets);
  handleCall(client, twice, async (text) => {
    if (text === "bad") throw overflow.with({ A: 1n, B: 2n }, "no");
    return text + text;
  });
  await client.connect(addr);
  const sum = await call(client, add, { A: 2n ** 62n, B: 5n });
  const error = await call(client, add, { A: 2n ** 62n, B: 2n ** 62n }).catch((err) => err);
  const many = await Promise.all(Array.from({ length: 500 }, (_, i) => call(client, add, { A: BigInt(i), B: 1n })));
  const abort = new AbortController();
  const hangs = call(client, add, { A: -1n, B: 0n }, { signal: abort.signal }).catch((err) => err.code);
  abort.abort();
  const late = await call(client, add, { A: -1n, B: 0n }, { timeout: 50 }).catch((err) => err.code);
  const seen = {
    sum: String(sum),
    error: overflow.is(error) ? `${error.text} ${overflow.dataOf(error).B}` : String(error),
    many: many.every((v, i) => v === BigInt(i + 1)),
    cancelled: await hangs,
    late,
    asked: await call(client, ask, "ho"),
    askedBadly: await call(client, ask, "bad"),
  };
  client.close();
  return seen;
}
