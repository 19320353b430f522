// How many small packets a second the client sends, and gets.
import { Client } from "@packetmq/client";
import { echo, note, packets } from "./packets.mjs";

export async function run(addr, count = 200_000) {
  const client = new Client(packets);
  let got = 0;
  let all;
  client.handle(echo, () => {
    if (++got === count) all();
  });
  await client.connect(addr);
  const rate = async (n, f) => {
    const begin = performance.now();
    await f();
    return Math.round((n / (performance.now() - begin)) * 1000);
  };
  const text = "x".repeat(50);
  const echoed = await rate(count, () => {
    const done = new Promise((resolve) => (all = resolve));
    return (async () => {
      for (let n = 0; n < count; n++) {
        client.send(note, { n, text });
        if (n % 500 === 499) while (n - got > 5000) await new Promise((resolve) => setTimeout(resolve));
      }
      await done;
    })();
  });
  client.close();
  return { echoed };
}
