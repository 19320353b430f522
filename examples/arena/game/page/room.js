// Room draws the players of a room on a canvas, each where it was last told to be.

/** How much of the way to its place a drawn player goes in a frame. More is closer to what was told, less is smoother. */
const ease = 0.25;

const radius = 11;
const trail = 14; // places that are kept of each player

export class Room {
  own = undefined; // the id of this page's player
  #players = new Map(); // by id: where it is, and where it is drawn

  constructor(canvas) {
    this.canvas = canvas;
    this.draw = this.draw.bind(this);
    requestAnimationFrame(this.draw);
  }

  /** put takes where a player is. */
  put({ id, x, y }) {
    const p = this.#players.get(id);
    if (p) [p.x, p.y] = [x, y];
    else this.#players.set(id, { x, y, drawnX: x, drawnY: y, trail: [], hue: Number((id * 137n) % 360n) });
  }

  remove(id) {
    this.#players.delete(id);
  }

  draw() {
    const g = this.canvas.getContext("2d");
    g.clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.#drawFloor(g);
    for (const p of this.#players.values()) this.#step(p);
    for (const p of this.#players.values()) this.#drawTrail(g, p);
    for (const [id, p] of this.#players) this.#drawPlayer(g, id, p);
    requestAnimationFrame(this.draw);
  }

  #step(p) {
    p.drawnX += (p.x - p.drawnX) * ease;
    p.drawnY += (p.y - p.drawnY) * ease;
    p.trail.push([p.drawnX, p.drawnY]);
    if (p.trail.length > trail) p.trail.shift();
  }

  #drawFloor(g) {
    g.fillStyle = "#1c2630";
    for (let x = 50; x < 1000; x += 50) for (let y = 50; y < 600; y += 50) g.fillRect(x - 1, y - 1, 2, 2);
  }

  #drawTrail(g, p) {
    g.lineCap = "round";
    for (let i = 1; i < p.trail.length; i++) {
      g.strokeStyle = `hsl(${p.hue} 70% 60% / ${(0.35 * i) / trail})`;
      g.lineWidth = (2 * radius * i) / trail;
      g.beginPath();
      g.moveTo(...p.trail[i - 1]);
      g.lineTo(...p.trail[i]);
      g.stroke();
    }
  }

  #drawPlayer(g, id, p) {
    const isOwn = id === this.own;
    g.fillStyle = isOwn ? "#ffd166" : `hsl(${p.hue} 65% 58%)`;
    g.beginPath();
    g.arc(p.drawnX, p.drawnY, radius, 0, 2 * Math.PI);
    g.fill();
    if (!isOwn) return;
    g.strokeStyle = "#ffffff";
    g.lineWidth = 2;
    g.stroke();
    g.fillStyle = "#ffffff";
    g.font = "13px system-ui, sans-serif";
    g.textAlign = "center";
    g.fillText("you", p.drawnX, p.drawnY - radius - 6);
  }
}
