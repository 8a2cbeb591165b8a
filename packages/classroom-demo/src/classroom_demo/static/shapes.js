/* Shapes: how a process, a visitor and a latency look; nothing here knows what moves, or why.
 *
 *     state      colour (Okabe-Ito)   shape                     word
 *     starting   sky blue             dashed outline            starting
 *     idle       bluish green         outline                   idle
 *     busy       orange               filled, square mark       the request that it holds
 *     ended      grey                 hollow ring, fading       ended
 *     killed     vermillion           a cross                   killed by signal 9, exit code 1
 *
 * No state is told by its colour alone. A `Look` holds what the style sheet says (colours, the size of type) and whether
 * things may move, so the canvas follows day and night, and the reader's own settings.
 */

import { LOW } from "./places.js";
import { duration, megabytes, number, stateOf, well } from "./units.js";
import { ending, words } from "./words_play.js";

const NAMES = ["ink", "soft", "line", "paper", "panel", "busy", "idle", "starting", "killed", "visitor", "fill", "focus"];

/** What the style sheet and the reader's settings say. */
export class Look {
  constructor() {
    this.still = false;
    this.read();
    for (const query of ["(prefers-color-scheme: dark)", "(prefers-reduced-motion: reduce)"]) {
      matchMedia(query).addEventListener("change", () => this.read());
    }
    addEventListener("resize", () => this.read());
  }

  /** Read it anew: the theme, the motion or the window has changed. */
  read() {
    const probe = document.body.appendChild(document.createElement("span"));
    for (const name of NAMES) {
      probe.style.color = `var(--${name})`;
      this[name] = getComputedStyle(probe).color;
    }
    this.family = getComputedStyle(document.body).fontFamily;
    probe.remove();
    this.type = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
    this.still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.stamps = new Map(); // what `dot` has painted
    this.changed = true;
  }

  font(scale = 1, weight = 500) {
    return `${weight} ${Math.round(scale * this.type)}px ${this.family}`;
  }
}

const sizes = new WeakMap();
const watcher = new ResizeObserver((entries) => {
  for (const { target, contentRect } of entries) sizes.set(target, contentRect);
});

/** Fit the canvas to its box on the page, in device pixels, and wipe it; return its context, scaled to CSS pixels, and its
 * size. That is told by an observer: asking for it in every frame would have the page laid out in every frame. A canvas
 * that nothing shines through is quicker to put on the page. */
export function sharp(canvas, look) {
  if (!sizes.has(canvas)) {
    sizes.set(canvas, canvas.getBoundingClientRect());
    watcher.observe(canvas);
  }
  const { width, height } = sizes.get(canvas);
  if (!width || !height) return null;
  const ratio = devicePixelRatio || 1;
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
  const ctx = canvas.getContext("2d", { alpha: false });
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.fillStyle = look.paper;
  ctx.fillRect(0, 0, width, height);
  return { ctx, width, height };
}

const wide = (ctx, text) => ctx.measureText(text).width;

/** Write the first of the texts that fits, and return how wide it is; 0 where none does. */
export function write(ctx, texts, x, y, room) {
  for (const text of texts) {
    const width = wide(ctx, text);
    if (text && width <= room) {
      ctx.fillText(text, x, y);
      return width;
    }
  }
  return 0;
}

/** A process per request, in one of its states. A state of a size is painted once, and copied from then on to whole
 * pixels: two hundred circles are a third of a frame to paint where no graphics processor helps, and a tenth of that to
 * copy. */
export function dot(ctx, look, { x, y, radius, state, fade }) {
  const ratio = devicePixelRatio || 1;
  const size = Math.round(radius * ratio);
  const key = `${state} ${size}`;
  if (!look.stamps.has(key)) look.stamps.set(key, stamp(look, state, size));
  const image = look.stamps.get(key);
  const [left, top] = [x, y].map((middle) => Math.round(middle * ratio - image.width / 2) / ratio);
  ctx.globalAlpha = fade;
  ctx.drawImage(image, left, top, image.width / ratio, image.height / ratio);
  ctx.globalAlpha = 1;
}

function stamp(look, state, radius) {
  const half = Math.ceil(1.2 * radius) + 1;
  const ctx = new OffscreenCanvas(2 * half, 2 * half).getContext("2d");
  ctx.translate(half, half);
  ctx.lineWidth = Math.max(1.5, radius / 4);
  ctx.beginPath();
  if (state === "killed") {
    const r = 0.8 * radius;
    ctx.moveTo(-r, -r), ctx.lineTo(r, r), ctx.moveTo(r, -r), ctx.lineTo(-r, r);
    ctx.lineWidth *= 1.6;
    ctx.strokeStyle = look.killed;
  } else if (state === "ended") {
    ctx.arc(0, 0, 0.85 * radius, 0, 7);
    ctx.lineWidth = Math.max(2, radius / 3);
    ctx.strokeStyle = look.soft;
  } else {
    ctx.arc(0, 0, radius, 0, 7);
    ctx.fillStyle = look.busy;
    ctx.strokeStyle = look.ink;
    ctx.fill();
  }
  ctx.stroke();
  return ctx.canvas.transferToImageBitmap();
}

/** Where the keyboard is. */
export function ring(ctx, look, x, y, radius) {
  ctx.globalAlpha = 1;
  ctx.beginPath();
  ctx.arc(x, y, radius + 6, 0, 7);
  ctx.lineWidth = 4;
  ctx.strokeStyle = look.focus;
  ctx.stroke();
}

/** A process that stays: a box. It fills with what it has served (full at 10,000), and says what it holds. */
export function box(ctx, look, { x, y, w, h, life, fill, busy, age, chosen }) {
  const state = busy && life.ended === null ? "busy" : stateOf(life);
  const edge = Math.max(3, look.type / 9);
  rounded(ctx, x, y, w, h, look.type / 3);
  ctx.fillStyle = look.panel;
  ctx.fill();
  ctx.save();
  ctx.clip();
  ctx.fillStyle = look.fill;
  ctx.fillRect(x, y + h * (1 - fill), w, h * fill);
  const mark = Math.min(0.55 * look.type, 0.12 * w);
  if (state === "busy") {
    ctx.fillStyle = look.busy;
    ctx.fillRect(x, y, mark, h);
    ctx.fillStyle = look.ink; // orange on white is faint: the edge is what is seen from afar
    ctx.fillRect(x + mark, y, 2, h);
  }
  ctx.restore();
  rounded(ctx, x + edge / 2, y + edge / 2, w - edge, h - edge, look.type / 3);
  ctx.setLineDash(state === "starting" ? [2.5 * edge, 2 * edge] : []);
  ctx.lineWidth = edge;
  ctx.strokeStyle = look[state] ?? look.soft;
  ctx.stroke();
  ctx.setLineDash([]);
  const [left, right] = [mark + 0.2 * look.type, 0.2 * look.type];
  says(ctx, look, { x: x + left, y, w: w - left - right, h, life, state, age });
  if (chosen) {
    rounded(ctx, x - 4, y - 4, w + 8, h + 8, look.type / 2);
    ctx.lineWidth = 4;
    ctx.strokeStyle = look.focus;
    ctx.stroke();
  }
}

/** What a box says, the most important first: as many lines as have room, and on each of them as much as fits. */
function says(ctx, look, { x, y, w, h, life, state, age }) {
  const lead = 1.15 * look.type;
  const lines = h < LOW * look.type ? 0 : Math.max(1, Math.floor(h / lead));
  if (!lines) return;
  const tall = lines >= 3 && w > 8 * look.type;
  const beside = tall || lines === 1 ? aside(ctx, look, { x, y, w, h, life, tall, lead }) : 0;
  const room = w - beside;
  ctx.font = look.font();
  const request = life.now || life.last.at(-1)?.[0] || "";
  const told = placed(ctx, room, lines, 0.6 * look.type, [
    ...(tall ? [] : [[words().served(number(life.served)), number(life.served)]]),
    [request, request.split("?")[0], request.split(/[ ?]/)[1] ?? ""],
    [words().old(duration(age))],
    [megabytes(life.memory)],
    [life.cpu ? `${duration(life.cpu)} CPU` : ""],
  ]);
  const first = y + h / 2 - ((told.at(-1)?.row ?? 0) / 2) * lead + 0.36 * look.type;
  for (const { text, row, off } of told) {
    ctx.fillStyle = request.includes(text) && state !== "busy" ? look.soft : look.ink; // the last that it held
    ctx.fillText(text, x + off, first + row * lead);
  }
  ctx.fillStyle = look.ink;
  ctx.font = look.font(1, 700);
  write(ctx, [`${life.pid} ${words().state[state]}`, `${life.pid}`], x, first, room);
}

/** How many it has served, at the right: large where a box is tall. Returns how wide that is. */
function aside(ctx, look, { x, y, w, h, life, tall, lead }) {
  const served = number(life.served);
  const size = tall ? Math.min((h - lead) / look.type, 0.3 * (w / look.type) / (0.3 * Math.max(4, served.length) + 0.4), 4) : 1;
  const base = y + h / 2 + (tall ? 0.2 * size : 0.36) * look.type;
  ctx.fillStyle = look.ink;
  ctx.textAlign = "right";
  ctx.font = look.font(size, 700);
  const whole = wide(ctx, `${life.pid}  `) * (tall ? 0 : 1);
  const big = write(ctx, [served], x + w, base, tall ? w / 2 : w - whole);
  ctx.font = look.font();
  const small = tall ? write(ctx, [words().heads[2]], x + w, base + lead, w / 2) : 0;
  ctx.textAlign = "left";
  return big || small ? Math.max(big, small) + 0.5 * look.type : 0;
}

/** Place texts below the first line, each as the first of its forms that fits: [{text, row, off}]. */
function placed(ctx, room, lines, gap, told) {
  const found = [];
  let [row, off] = [1, 0];
  for (const forms of told) {
    const text = forms.find((form) => form && wide(ctx, form) <= room);
    if (!text) continue;
    const width = wide(ctx, text);
    if (off && off + width > room) [row, off] = [row + 1, 0];
    if (row >= lines) break;
    found.push({ text, row, off });
    off += width + gap;
  }
  return found;
}

/** A process that serves no visitor itself: the master, or a runner, which starts a process for each request. */
export function keeper(ctx, look, { x, y, w, h, life, chosen }) {
  const [sign, name] = life.role === "master" ? ["▣", words().master] : ["▢", words().runner];
  ctx.textAlign = "left";
  ctx.fillStyle = look.soft;
  ctx.font = look.font(1, chosen ? 800 : 500);
  write(ctx, [`${sign} ${name} ${life.pid}`, `${sign} ${life.pid}`, `${life.pid}`, sign], x, y + h - 0.35 * look.type, w);
}

/** Where a worker stood that is gone: a cross (or a ring) and how it ended, over its place, until it fades. */
export function grave(ctx, look, { x, y, w, h, life, fade }) {
  ctx.globalAlpha = fade;
  rounded(ctx, x + 2, y + 2, w - 4, h - 4, look.type / 3);
  ctx.fillStyle = look.paper;
  ctx.fill();
  ctx.lineWidth = Math.max(3, look.type / 9);
  ctx.strokeStyle = well(life.how) ? look.soft : look.killed;
  ctx.stroke();
  const r = 0.4 * look.type;
  const [cx, cy] = [x + 2.4 * r, y + h / 2];
  ctx.lineWidth = r / 1.6;
  ctx.beginPath();
  if (well(life.how)) ctx.arc(cx, cy, r, 0, 7);
  else ctx.moveTo(cx - r, cy - r), ctx.lineTo(cx + r, cy + r), ctx.moveTo(cx + r, cy - r), ctx.lineTo(cx - r, cy + r);
  ctx.stroke();
  ctx.fillStyle = look.ink;
  ctx.font = look.font(1, 700);
  const room = w - 5 * r;
  const two = h > 2.8 * look.type;
  const how = ending(life.how);
  const alone = [`${life.pid} ${how}`, `${life.pid} ${words().state[well(life.how) ? "ended" : "killed"]}`, `${life.pid}`];
  write(ctx, two ? [`${life.pid}`] : alone, cx + 2 * r, cy + (two ? -0.25 : 0.36) * look.type, room);
  ctx.font = look.font();
  const short = how.split(" ").at(-1); // the signal, or the exit code
  if (two) write(ctx, [how, `${words().state.killed} ${short}`, short], cx + 2 * r, cy + look.type, room);
  ctx.globalAlpha = 1;
}

function rounded(ctx, x, y, w, h, radius) {
  ctx.beginPath();
  ctx.roundRect(x, y, Math.max(0, w), Math.max(0, h), Math.max(0, Math.min(radius, w / 2, h / 2)));
}

/** Visitors who have come and have no answer: hollow before the door, filled inside. They pile up from below. */
export function crowd(ctx, look, { x, y, w, h, waiting, queue }) {
  const places = [40, 160, 500].find((places) => waiting <= places) ?? 500;
  const pitch = Math.sqrt((w * h) / (1.15 * places));
  const across = Math.max(1, Math.floor(w / pitch));
  const inside = Math.max(0, waiting - queue);
  const radius = 0.36 * pitch;
  const at = (i) => [x + w - (i % across + 0.5) * pitch, y + h - (Math.floor(i / across) + 0.5) * pitch];
  ctx.beginPath();
  for (let i = 0; i < Math.min(inside, places); i++) {
    const [cx, cy] = at(i);
    ctx.moveTo(cx + radius, cy), ctx.arc(cx, cy, radius, 0, 7);
  }
  ctx.fillStyle = look.visitor;
  ctx.fill();
  ctx.beginPath();
  for (let i = inside; i < Math.min(waiting, places); i++) {
    const [cx, cy] = at(i);
    ctx.moveTo(cx + radius, cy), ctx.arc(cx, cy, radius, 0, 7);
  }
  ctx.lineWidth = Math.max(1.5, radius / 3);
  ctx.strokeStyle = look.visitor;
  ctx.stroke();
}
