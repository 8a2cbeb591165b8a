/* The strip: latency as it happens, on a logarithmic axis from 100 microseconds to 20 seconds.
 *
 *      |     ||||:|. .              :    .          each visit a tick that fades in two seconds
 *      +-----^-------+------------v--+------------+
 *     0.1    p50     1 ms        p99 10 ms        ...   of the last ten seconds
 *
 * The quantiles come from a histogram with buckets of equal ratio (an HDR histogram), one for each of the last ten
 * seconds: adding a latency costs nothing, and forgetting one is dropping the oldest histogram. A mean would hide the
 * visitor who waited; so there is none. A visitor who gave up counts with the time that he had waited.
 */

import { sharp } from "./shapes.js";
import { duration } from "./units.js";
import { words } from "./words_play.js";

const LOW = 1e-4; // seconds at the left end
const DECADES = 5.4; // to 25 s: beyond the longest that a visitor waits
const FINE = 40; // buckets a decade: 6 % wide, finer than an eye can tell
const BUCKETS = Math.ceil(DECADES * FINE);
const SECONDS = 10; // that the quantiles look back
const FADE = 2; // seconds in which a tick fades
const SHADES = 10; // of fading
const STEP = 0.1; // seconds between two shades: nothing else moves here
const TICKS = 600; // that are drawn at most
const MARKS = [[1e-3, "1 ms"], [1e-2, "10 ms"], [0.1, "100 ms"], [1, "1 s"], [10, "10 s"]];

/** The latencies of the last ten seconds, in buckets of equal ratio. */
export class Histogram {
  #rings = Array.from({ length: SECONDS }, () => ({ second: -1, counts: new Uint32Array(BUCKETS) }));

  add(seconds, now) {
    const second = Math.floor(now);
    const ring = this.#rings[second % SECONDS];
    if (ring.second !== second) {
      ring.second = second;
      ring.counts.fill(0);
    }
    ring.counts[Math.max(0, Math.min(BUCKETS - 1, Math.floor(FINE * Math.log10(seconds / LOW))))]++;
  }

  /** Return the quantiles in seconds (the middle of a bucket), or null where nobody has come. */
  quantiles(parts, now) {
    const sum = new Uint32Array(BUCKETS);
    let whole = 0;
    for (const { second, counts } of this.#rings) {
      if (now - second > SECONDS) continue;
      for (let i = 0; i < BUCKETS; i++) whole += counts[i], (sum[i] += counts[i]);
    }
    if (!whole) return null;
    return parts.map((part) => {
      let rest = Math.ceil(part * whole), i = -1;
      while (rest > 0) rest -= sum[++i];
      return LOW * 10 ** ((i + 0.5) / FINE);
    });
  }
}

/** One lane's strip: a canvas, and its two quantiles in words. */
export class Strip {
  #canvas; #words; #look; #histogram = new Histogram(); #ticks = []; #said = 0; #drawn = 0; #quantiles = null; #dirty = true;

  constructor(canvas, words, look) {
    [this.#canvas, this.#words, this.#look] = [canvas, words, look];
  }

  /** Take the latencies of a frame, in microseconds. */
  hear(latencies) {
    const now = performance.now() / 1000;
    for (const micros of latencies) {
      this.#histogram.add(micros / 1e6, now);
      this.#ticks.push([micros / 1e6, now, Math.random()]);
    }
    if (this.#ticks.length > TICKS) this.#ticks.splice(0, this.#ticks.length - TICKS);
    this.#dirty = true;
  }

  /** Another gateway: its latencies are its own. */
  forget() {
    [this.#histogram, this.#ticks, this.#dirty] = [new Histogram(), [], true];
  }

  /** Say everything anew, in the language that is spoken. */
  speak() {
    this.#said = 0;
  }

  draw() {
    const now = performance.now() / 1000;
    if (now - this.#said > 0.5) this.#say(now);
    if (!this.#dirty && !this.#look.changed && (!this.#ticks.length || now - this.#drawn < STEP)) return;
    const paper = sharp(this.#canvas, this.#look);
    if (!paper) return;
    this.#dirty = false;
    this.#drawn = now;
    while (this.#ticks.length && now - this.#ticks[0][1] > FADE) this.#ticks.shift();
    const { ctx, width, height } = paper;
    const type = this.#look.type;
    const axis = height - 1.15 * type;
    const x = (seconds) => (width * Math.log10(Math.max(1, seconds / LOW))) / DECADES;
    this.#axis(ctx, x, axis, width);
    this.#drawTicks(ctx, x, axis, now);
    if (this.#quantiles) this.#quantiles.forEach((seconds, i) => this.#marker(ctx, x(seconds), axis, i));
  }

  #drawTicks(ctx, x, axis, now) {
    const thick = Math.max(2, this.#look.type / 10);
    const shade = ([, at]) => (this.#look.still ? 0.7 : Math.ceil(SHADES * (1 - (now - at) / FADE)) / SHADES);
    ctx.fillStyle = this.#look.visitor;
    for (let i = 0; i < this.#ticks.length; ) {
      const alpha = (ctx.globalAlpha = Math.max(0, shade(this.#ticks[i])));
      ctx.beginPath();
      for (; i < this.#ticks.length && shade(this.#ticks[i]) === alpha; i++) {
        const [seconds, , lift] = this.#ticks[i];
        ctx.rect(x(seconds) - thick / 2, 0.4 * lift * axis, thick, 0.6 * axis);
      }
      ctx.fill(); // at once for all of a shade: they are in the order in which they fade
    }
    ctx.globalAlpha = 1;
  }

  #axis(ctx, x, axis, width) {
    const type = this.#look.type;
    ctx.fillStyle = this.#look.line;
    ctx.fillRect(0, axis, width, 2);
    ctx.font = this.#look.font();
    ctx.textAlign = "center";
    const wide = width / DECADES > 3.6 * type; // narrower: every other label
    MARKS.forEach(([seconds, label], i) => {
      ctx.fillStyle = this.#look.line;
      ctx.fillRect(x(seconds) - 1, axis - 0.2 * type, 2, 0.4 * type);
      ctx.fillStyle = this.#look.soft;
      if (wide || i % 2 === 0) ctx.fillText(label, Math.min(x(seconds), width - 1.2 * type), axis + 1.02 * type);
    });
  }

  #marker(ctx, x, axis, i) {
    const s = 0.42 * this.#look.type;
    ctx.beginPath();
    if (i) ctx.moveTo(x, axis - 2 * s), ctx.lineTo(x + s, axis - s), ctx.lineTo(x, axis), ctx.lineTo(x - s, axis - s);
    else ctx.moveTo(x, axis - 1.6 * s), ctx.lineTo(x + s, axis), ctx.lineTo(x - s, axis);
    ctx.closePath();
    ctx.fillStyle = this.#look[i ? "killed" : "idle"];
    ctx.strokeStyle = this.#look.ink;
    ctx.lineWidth = 2;
    ctx.fill();
    ctx.stroke();
  }

  #say(now) {
    this.#said = now;
    this.#quantiles = this.#histogram.quantiles([0.5, 0.99], now);
    const [half, worst] = this.#quantiles ?? [];
    const text = this.#quantiles ? `▲ p50 ${duration(half)}  ◆ p99 ${duration(worst)}` : words().lane.latency;
    if (this.#words.textContent === text) return;
    this.#words.textContent = text;
    this.#dirty = true;
  }
}
