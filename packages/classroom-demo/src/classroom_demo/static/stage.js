/* The stage: every process of one lane, drawn as it is born, works, and dies.
 *
 *     visitors |  a process per request: dots on a stair         |  workers that stay: boxes
 *              |                 o 4714                          |  +---------------+ +---------------+
 *       o o    |            o 4713                               |  | 4702 busy     | | 4703 idle     |
 *       o o    |       o 4712        few: each with its id       |  | GET /hello    | |               |
 *      o o o   |  o 4711             many: stair beside stair    |  |~~~~~~~~~~~~~~~| |~~~~~~~~~~~~~~~|
 *              |  ▣ master 4700  ▢ runner 4701                   |  +---------------+ +---------------+
 *
 * A dot or a box stands for one process id that the gateway has told of. Each glides towards its place; the places
 * follow from the order of birth alone. Where the reader wants no motion, each stands in its place at once, and the
 * stair begins anew at the left in place of moving on. A frame in which nothing has changed is not drawn.
 */

import { inOrder, repeated } from "./feed.js";
import { areasOf, DOTS, field, FLAT, gapOf, grid, stair } from "./places.js";
import { box, crowd, dot, grave, keeper, ring, sharp, write } from "./shapes.js";
import { duration, megabytes, number, well } from "./units.js";
import { ending, words } from "./words_play.js";

const MANY = 6; // births a second from which dots are drawn without their ids
const FEW = 2; // and below which they get them again
const FADE = 2.5; // seconds in which an ended process fades
const GHOST = 0.4; // what is left of it
const SHADES = 10; // of fading
const MOURNED = 2; // seconds for which a dead worker's cross covers its place
const GOING = 0.3; // and fades then
const FLASH = 0.15; // seconds for which a request is seen, however quick it was
const FLIGHT = 0.18; // seconds in which a visitor gets to a process
const FLIGHTS = 40; // at a time: more is a blur
const GLIDE = 9; // a second: how quickly things get to their places

export class Stage {
  #canvas; #look; #clock; #chosen = null;
  #lane = null; #births = 0; #drawn = 0; #dots = []; #slots = []; #graves = []; #flights = [];
  #many = null; #camera = 0; #dirty = true; #last = 0; #second = 0;

  constructor(canvas, look, clock) {
    this.#canvas = canvas;
    this.#look = look;
    this.#clock = clock;
  }

  get chosen() {
    return this.#chosen;
  }

  /** Take the lane as it is; `news` is what has changed, or null: then everything is drawn anew. */
  hear(lane, news) {
    this.#lane = lane;
    this.#dirty = true;
    if (!news) return this.#anew(lane);
    for (const [kind, [pid, what, t]] of inOrder(news)) {
      if (kind === "born") this.#birth(pid, what, t);
      else if (kind === "ended") this.#death(pid, what, t);
      else if (kind === "begun") this.#begin(pid);
    }
    this.#canvas.dataset.born = this.#drawn;
  }

  #anew(lane) {
    [this.#dots, this.#slots, this.#graves, this.#flights] = [[], [], [], []];
    [this.#births, this.#many] = [0, null];
    for (const life of lane.lives.values()) {
      if (life.role === "cgi" || life.ended === null) this.#birth(life.pid, life.role, life.born);
      if (life.role === "cgi" && life.ended !== null) this.#death(life.pid, life.how, life.ended);
    }
    this.#canvas.dataset.born = this.#drawn = lane.counts.born;
  }

  #birth(pid, role, born) {
    if (this.#slots.some((slot) => slot.pid === pid) || repeated(this.#dots.findLast((one) => one.pid === pid), born)) return;
    if (role !== "master") this.#drawn++; // nobody has told of its birth, so the spawner does not count it
    if (role !== "cgi") {
      const free = this.#slots.findIndex((slot) => slot.pid === null && slot.role === role);
      const slot = this.#slots[free] ?? { fill: 0 };
      if (free < 0) this.#slots.push(slot);
      Object.assign(slot, { pid, role, born, fill: 0, flash: 0 });
      return;
    }
    this.#dots.push({ pid, n: this.#births++, born, ended: null, how: "", from: { x: 0, y: 0 } });
    if (this.#dots.length > DOTS) this.#dots.shift();
  }

  #death(pid, how, t) {
    const one = this.#dots.findLast((one) => one.pid === pid && one.ended === null);
    if (one) return Object.assign(one, { how, ended: t });
    const slot = this.#slots.find((slot) => slot.pid === pid);
    if (!slot) return;
    this.#graves.push({ slot, life: this.#lane.lives.get(pid) ?? { pid, how }, at: this.#now });
    slot.pid = null;
  }

  #begin(pid) {
    const slot = this.#slots.find((slot) => slot.pid === pid);
    if (!slot) return;
    slot.flash = this.#now + FLASH;
    const flies = !this.#look.still && slot.x !== undefined && this.#flights.length < FLIGHTS;
    if (flies) this.#flights.push({ slot, at: this.#now });
  }

  get #now() {
    return performance.now() / 1000;
  }

  /** Draw, if anything has changed or moves. */
  draw() {
    if (!this.#lane) return;
    const now = this.#now;
    const second = Math.floor(now);
    const tick = Math.min(0.1, now - this.#last);
    if (!this.#dirty && !this.#look.changed && second === this.#second) return;
    this.#last = now;
    this.#second = second;
    this.#dirty = false;
    const paper = sharp(this.#canvas, this.#look);
    if (!paper) return;
    const { ctx, width, height } = paper;
    ctx.textBaseline = "alphabetic";
    const keepers = this.#slots.filter((slot) => this.#keeps(slot)).length;
    const areas = areasOf(width, height, this.#look.type, keepers, this.#slots.length - keepers);
    crowd(ctx, this.#look, { ...areas.crowd, waiting: this.#lane.waiting, queue: this.#lane.queue });
    this.#captions(ctx, areas, height);
    const glide = this.#look.still ? 1 : 1 - Math.exp(-GLIDE * tick);
    this.#drawBoxes(ctx, areas, glide, now);
    if (this.#lane.kind === "cgi") this.#drawDots(ctx, areas.stairs, glide);
    this.#drawFlights(ctx, areas.crowd, now);
  }

  /** Tell whether the process of a place serves no visitor itself. */
  #keeps({ role }) {
    return role === "master" || this.#lane.kind === "cgi";
  }

  #captions(ctx, { crowd }, height) {
    ctx.fillStyle = this.#look.soft;
    ctx.font = this.#look.font();
    ctx.textAlign = "right";
    const { queue } = this.#lane;
    const told = [queue ? words().queue(number(queue)) : "", words().visitors];
    if (height > FLAT * this.#look.type) write(ctx, told, crowd.w, height - 0.35 * this.#look.type, crowd.w);
    ctx.textAlign = "left";
    ctx.fillStyle = this.#look.line;
    ctx.fillRect(crowd.w + 0.25 * this.#look.type, 0, 3, height);
  }

  // -- workers --------------------------------------------------------------------------------------------------------

  #drawBoxes(ctx, areas, glide, now) {
    this.#graves = this.#graves.filter((grave) => now - grave.at < MOURNED + GOING);
    this.#slots = this.#slots.filter((slot) => slot.pid !== null || this.#graves.some((grave) => grave.slot === slot));
    const keepers = this.#slots.filter((slot) => this.#keeps(slot));
    const boxes = this.#slots.filter((slot) => !this.#keeps(slot));
    if (areas.keepers.h) this.#drawRows(ctx, keepers, areas.keepers, [keepers.length, 1], glide, now);
    else for (const slot of keepers) slot.x = undefined; // nowhere
    this.#drawRows(ctx, boxes, areas.boxes, grid(boxes.length, areas.boxes, this.#look.type).places, glide, now);
    for (const { slot, life, at } of this.#graves.filter(({ slot }) => slot.x !== undefined)) {
      const fade = Math.min(1, (MOURNED + GOING - (now - at)) / GOING);
      grave(ctx, this.#look, { ...slot, life, fade: this.#look.still ? 1 : fade });
      this.#dirty = true;
    }
  }

  #drawRows(ctx, slots, area, [across, down], glide, now) {
    const gap = gapOf(area, [across, down], this.#look.type);
    const [w, h] = [(area.w - gap * (across - 1)) / across, (area.h - gap * (down - 1)) / down];
    slots.forEach((slot, i) => {
      const [x, y] = [area.x + (i % across) * (w + gap), area.y + Math.floor(i / across) * (h + gap)];
      this.#move(slot, { x, y, w, h }, glide);
      const life = this.#lane.lives.get(slot.pid);
      if (!life) return;
      this.#move(slot, { fill: Math.min(1, Math.log10(1 + life.served) / 4) }, glide);
      const busy = now < slot.flash;
      if (busy) this.#dirty = true;
      const told = { ...slot, life, busy, age: this.#clock.now() - life.born, chosen: this.#chosen === slot.pid };
      (this.#keeps(slot) ? keeper : box)(ctx, this.#look, told);
    });
  }

  #move(thing, places, glide) {
    for (const [name, place] of Object.entries(places)) {
      const there = thing[name] ?? place;
      thing[name] = Math.abs(place - there) < 0.005 * Math.abs(place) + 0.002 ? place : there + (place - there) * glide;
      if (thing[name] !== place) this.#dirty = true;
    }
  }

  // -- a process per request ------------------------------------------------------------------------------------------

  #drawDots(ctx, area, glide) {
    const now = this.#clock.now();
    const recent = this.#dots.filter((one) => now - one.born < 2).length / 2;
    const many = this.#many ? recent > FEW : recent > MANY;
    const { home, place } = many ? field(area, this.#look.still) : stair(area, this.#look);
    const changes = many !== this.#many;
    this.#many = many;
    const off = home(this.#births) - this.#camera;
    this.#camera += changes || Math.abs(off) < 0.01 ? off : off * glide;
    if (Math.abs(off) >= 0.01) this.#dirty = true;
    ctx.save();
    ctx.beginPath();
    ctx.rect(area.x - 4, area.y - 4, area.w + 8, area.h + 8);
    ctx.clip();
    ctx.font = this.#look.font();
    for (const one of this.#dots) {
      const at = place(one.n, this.#camera, this.#births);
      if (at && changes && one.shown) one.from = { x: one.x - at.x, y: one.y - at.y };
      if (at) this.#glide(one, at, glide);
      one.shown = Boolean(at);
      if (at) this.#drawDot(ctx, one, now, area);
    }
    ctx.restore();
  }

  #glide(one, at, glide) {
    const { x, y } = one.from;
    if (Math.abs(x) + Math.abs(y) > 1) this.#dirty = true;
    one.from = { x: x * (1 - glide), y: y * (1 - glide) };
    Object.assign(one, { x: at.x + one.from.x, y: at.y + one.from.y, radius: at.radius });
  }

  #drawDot(ctx, one, now, area) {
    const since = one.ended === null ? -1 : now - one.ended;
    const young = this.#look.still ? 1 : Math.min(1, 0.4 + (now - one.born) / 0.2);
    const fade = this.#fade(since);
    if (since < FADE) this.#dirty = true;
    const state = since < 0 ? "busy" : well(one.how) ? "ended" : "killed";
    dot(ctx, this.#look, { ...one, radius: one.radius * young, state, fade: state === "ended" ? fade : 1 });
    if (this.#chosen === one.pid) ring(ctx, this.#look, one.x, one.y, one.radius);
    if (this.#many) return;
    ctx.globalAlpha = Math.max(0.8, fade);
    ctx.fillStyle = this.#look.ink;
    const life = this.#lane.lives.get(one.pid);
    const [x, age] = [one.x + 1.5 * one.radius, duration((one.ended ?? now) - one.born)];
    const request = life?.now || life?.last[0]?.[0];
    const told = [`${one.pid}`, well(one.how) ? age : ending(one.how), request, megabytes(life?.memory)].filter(Boolean);
    const forms = told.map((_, i) => told.slice(0, told.length - i).join("  ")); // the longest first
    write(ctx, forms, x, one.y + 0.35 * this.#look.type, area.x + area.w - x);
    ctx.globalAlpha = 1;
  }

  #fade(since) {
    if (this.#look.still || since < 0) return since > FADE ? GHOST : 1;
    return Math.max(GHOST, Math.ceil(SHADES * (1 - (since / FADE) * (1 - GHOST))) / SHADES);
  }

  #drawFlights(ctx, from, now) {
    this.#flights = this.#flights.filter(({ slot, at }) => now - at < FLIGHT && slot.pid !== null);
    ctx.fillStyle = this.#look.visitor;
    for (const { slot, at } of this.#flights) {
      const part = (now - at) / FLIGHT;
      const [x, y] = [from.x + from.w, from.y + from.h - this.#look.type];
      ctx.beginPath();
      const radius = Math.min(0.28 * this.#look.type, 0.25 * slot.h);
      ctx.arc(x + (slot.x - x) * part, y + (slot.y + slot.h / 2 - y) * part, radius, 0, 7);
      ctx.fill();
      this.#dirty = true;
    }
  }

  // -- choosing -------------------------------------------------------------------------------------------------------

  /** Return the id of the process that is drawn at a point of the canvas, or null. */
  at(x, y) {
    const slot = this.#slots.find((s) => s.pid !== null && x >= s.x && x <= s.x + s.w && y >= s.y && y <= s.y + s.h);
    const near = (one) => Math.hypot(one.x - x, one.y - y);
    const dots = this.#dots.filter((one) => one.shown && near(one) < Math.max(16, 1.5 * one.radius));
    return slot?.pid ?? dots.sort((a, b) => near(a) - near(b))[0]?.pid ?? null;
  }

  /** Choose a process, or none. */
  pick(pid) {
    this.#chosen = pid;
    this.#dirty = true;
  }

  /** Choose the next process (or the one before), in the order in which they stand; return its id. */
  choose(step) {
    const shown = this.#dots.filter((one) => one.shown);
    const all = [...this.#slots, ...shown].map((one) => one.pid).filter((pid) => pid !== null);
    const i = all.indexOf(this.#chosen);
    this.pick(all.length ? all[i < 0 ? (step > 0 ? 0 : all.length - 1) : (i + step + all.length) % all.length] : null);
    return this.#chosen;
  }
}
