// Runs a script in Node: node node.mjs SCRIPT ADDRESS
import WS from "ws";

globalThis.WebSocket ??= WS;
const [script, addr] = process.argv.slice(2);
const { run } = await import(`./${script}.mjs`);
console.log(JSON.stringify(await run(addr)));
process.exit(0);
