// A player in a page: it shows where everybody in the room is, walks by the keys, and talks.
import { call, Client, handleCall, Mirror, Session } from "@packetmq/client";
import { enter, move, nobody, packets, pos, ready, said, say, whisper } from "./packets.js";
import { Room } from "./room.js";

const stride = 10; // how far a player gets in one move
const movesEvery = 50; // milliseconds

const query = new URLSearchParams(location.search);
const name = query.get("name") || `guest${Math.floor(Math.random() * 10000)}`;
const where = query.get("room") || "room0";

/** The arena signs names; a real game would do that after a login. */
async function login() {
  const answer = await fetch("login", { method: "POST", body: name });
  if (!answer.ok) throw new Error(await answer.text());
  return answer.text();
}

const client = new Client(packets, { token: login, reconnect: { max: 5000 } });
const room = new Room(document.getElementById("room"));

const mirror = new Mirror(client, pos, {
  set: (p) => room.put(p),
  deleted: (id) => room.remove(id),
});

client.handle(said, ({ From, Text, Private }) => showLine(From, Text, Private));
handleCall(client, ready, () => ({ Ready: true }));

const session = new Session(client, {
  away: 30_000,
  onNew: enterRoom,
  onAway: () => showStatus("away, coming back …", true),
  onBack: () => (room.own === undefined ? enterRoom() : showStatus()),
  onEnd: (_, why) => showStatus(`the game is over: ${why.message} (reload to play again)`, true),
});

/** enterRoom asks to be put into the room. If the conn is lost before the answer, onBack asks again. */
async function enterRoom() {
  try {
    const { At } = await call(client, enter, { Room: where });
    room.own = At.id;
    showStatus();
  } catch (err) {
    if (session.conn) showStatus(`cannot enter ${where}: ${err.message}`, true);
  }
}

/** walk moves in the direction of the keys that are down. */
function walk() {
  const dx = stride * (Number(keys.has("ArrowRight") || keys.has("KeyD")) - Number(keys.has("ArrowLeft") || keys.has("KeyA")));
  const dy = stride * (Number(keys.has("ArrowDown") || keys.has("KeyS")) - Number(keys.has("ArrowUp") || keys.has("KeyW")));
  if ((dx !== 0 || dy !== 0) && client.conn && room.own !== undefined) client.send(move, { dx, dy });
}

const keys = new Set(); // those that are down
const text = document.getElementById("text");

addEventListener("keydown", (event) => {
  if (event.target === text) return;
  if (event.code === "Enter") text.focus();
  else keys.add(event.code);
  if (event.code.startsWith("Arrow") || event.code === "Enter") event.preventDefault();
});
addEventListener("keyup", (event) => keys.delete(event.code));
addEventListener("blur", () => keys.clear());
setInterval(walk, movesEvery);

document.getElementById("say").addEventListener("submit", async (event) => {
  event.preventDefault();
  const line = text.value.trim();
  text.value = "";
  text.blur();
  if (line === "") return;
  const [, to, secret] = /^\/w (\S+) (.+)/.exec(line) ?? [];
  try {
    if (to === undefined) session.send(say, { Text: line });
    else {
      await call(client, whisper, { To: to, Text: secret });
      showLine(`to ${to}`, secret, true);
    }
  } catch (err) {
    showLine("arena", nobody.is(err) ? `there is no ${to} here` : err.message, true);
  }
});

/** showLine adds a line to the chat, which keeps the last hundred. */
function showLine(from, line, isPrivate) {
  const chat = document.getElementById("chat");
  const item = document.createElement("li");
  const who = document.createElement("b");
  who.textContent = from;
  item.className = from === "arena" ? "arena" : isPrivate ? "private" : "";
  item.append(who, ` ${line}`);
  chat.append(item);
  if (chat.children.length > 100) chat.firstChild.remove();
  chat.scrollTop = chat.scrollHeight;
}

function showStatus(what, isBad = false) {
  const status = document.getElementById("status");
  const rtt = client.conn?.rtt ? `, ${client.conn.rtt.toFixed(1)} ms` : "";
  status.textContent = what ?? `${name} in ${where}, ${mirror.values.size} players${rtt}`;
  status.className = isBad ? "away" : "";
}
setInterval(() => room.own !== undefined && session.conn && showStatus(), 1000);

client.connect(new URL("play", location.href).href.replace(/^http/, "ws")).catch((err) => {
  if (!session.ended) showStatus(`cannot connect: ${err.message}`, true);
});

globalThis.arena = { client, mirror, room, session }; // to look at in the browser's console
