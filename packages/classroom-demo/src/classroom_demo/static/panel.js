/* Two panels over the page: one process and its bytes; one request in slow motion.
 *
 *     accept --> decode --> call --> encode --> release      the five stages that every gateway has, each for as long as
 *       [====]                                               its part of the real time, stretched, and never under a
 *     47 45 54 20 2f ...                                     second; below it what it did, and the bytes that it held
 *
 * Both are dialogs: the browser keeps the focus inside and gives it back, Escape closes. With reduced motion nothing
 * runs: the arrow keys and the buttons step, and that works for everybody.
 */

import { h } from "./draw.js";
import { duration, megabytes, number, stateOf } from "./units.js";
import { ending, words } from "./words_play.js";

const STAGES = ["accept", "decode", "call", "encode", "release"];
const STRETCHED = 10; // seconds that the whole request takes in slow motion
const LEAST = 1.2; // seconds for a stage: to be seen, and said aloud
const PRINTED = /^([2-6].|7[0-9a-e])$/i;
const ROWS = [16, 12, 8, 6, 4]; // bytes in a row
const PITCH = 0.61; // width of a character over the size of type
const WIDE = 44; // of the panel, in sizes of type, as in the style sheet
const BYTES = 64; // of a message that are shown; the rest is counted

/** Return hexadecimal digits as rows of bytes with their characters, cut after BYTES. */
export function hexRows(hex, length, across = 16) {
  const all = (hex ?? "").match(/[0-9a-f]{2}/gi) ?? []; // with spaces between them, or without
  const bytes = all.slice(0, BYTES);
  const rows = [];
  for (let i = 0; i < bytes.length; i += across) {
    const row = bytes.slice(i, i + across);
    const text = row.map((byte) => (PRINTED.test(byte) ? String.fromCharCode(Number.parseInt(byte, 16)) : "·"));
    rows.push(`${row.join(" ").padEnd(3 * across)} ${text.join("")}`);
  }
  const more = (length ?? all.length) - bytes.length;
  return more > 0 ? [...rows, words().life.rest(number(more))] : rows;
}

/** Show one process: what it is, its last requests, and the bytes of the last of them. */
export function showLife(dialog, life, lane, now) {
  const { life: says, heads, state: states } = words();
  const state = stateOf(life);
  const values = [
    state === "busy" ? life.now : state === "killed" ? ending(life.how) : states[state], number(life.served),
    duration((life.ended ?? now) - life.born), megabytes(life.memory) || says.unknown, life.cpu ? duration(life.cpu) : says.unknown,
  ];
  const facts = values.map((value, i) => h("div", {}, h("dt", {}, heads[i + 1]), h("dd", {}, value)));
  const requests = [...life.last].reverse().map(([request, seconds]) => h("li", {}, `${request}  ${duration(seconds)}`));
  const wire = (life.wire ?? []).flatMap(({ way, hex, length, note }) => [
    h("h4", {}, `${says[way]}, ${says.bytes(number(length))}: `, h("span", { lang: "en" }, note ?? "")),
    h("pre", {}, hexRows(hex, length, fits()).join("\n")),
  ]);
  dialog.querySelector(".content").replaceChildren(
    h("dl", { class: "facts" }, facts),
    h("h3", {}, says.requests),
    requests.length ? h("ol", {}, requests) : h("p", {}, says.none),
    h("h3", {}, says.wire),
    wire.length ? h("div", {}, wire) : h("p", {}, says.unkept),
  );
  dialog.querySelector("h2").textContent = says.title(life.role, life.pid, lane.toUpperCase());
  if (!dialog.open) dialog.showModal();
}

/** Return how many bytes fit in a row of a panel: each has two digits, a space and its character, in a fixed pitch. */
function fits() {
  const type = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
  const room = Math.min(0.96 * innerWidth, WIDE * type) - 2.5 * type;
  return ROWS.find((across) => (4 * across + 1) * PITCH * type <= room) ?? ROWS.at(-1);
}

/** One request in slow motion. */
export class SlowMotion {
  #dialog; #look; #stages = []; #at = 0; #timer = 0;

  constructor(dialog, look) {
    [this.#dialog, this.#look] = [dialog, look];
    dialog.addEventListener("close", () => clearTimeout(this.#timer));
    dialog.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      this.#step(step);
    });
    dialog.querySelector(".back").addEventListener("click", () => this.#step(-1));
    dialog.querySelector(".forth").addEventListener("click", () => this.#step(1));
  }

  /** Show the stages of a request of a lane, and let them run, unless nothing should move. */
  show(stages, lane) {
    const known = new Map(stages.map((stage) => [stage.name, stage]));
    this.#stages = STAGES.map((name) => known.get(name) ?? { name, seconds: 0, text: "", hex: "" });
    const whole = this.#stages.reduce((sum, stage) => sum + stage.seconds, 0);
    this.#dialog.querySelector("h2").textContent = words().slow.title(lane, duration(whole));
    const list = this.#dialog.querySelector(".stages");
    list.replaceChildren(...this.#stages.map(({ name, seconds }) => (
      h("li", {}, h("b", {}, name), h("span", {}, duration(seconds)), h("i"))
    )));
    if (!this.#dialog.open) this.#dialog.showModal();
    this.#run(0, whole);
  }

  #run(at, whole) {
    this.#to(at);
    if (this.#look.still || at === this.#stages.length - 1) return;
    const seconds = Math.max(LEAST, whole ? (STRETCHED * this.#stages[at].seconds) / whole : 0);
    this.#dialog.style.setProperty("--seconds", `${seconds}s`);
    this.#timer = setTimeout(() => this.#run(at + 1, whole), 1000 * seconds);
  }

  #step(step) {
    clearTimeout(this.#timer);
    this.#dialog.style.setProperty("--seconds", "0s");
    this.#to(Math.max(0, Math.min(this.#stages.length - 1, this.#at + step)));
  }

  #to(at) {
    clearTimeout(this.#timer);
    this.#at = at;
    const { text, hex } = this.#stages[at];
    [...this.#dialog.querySelectorAll(".stages li")].forEach((item, i) => {
      item.className = i < at ? "past" : i === at ? "now" : "";
      if (i === at) item.setAttribute("aria-current", "step");
      else item.removeAttribute("aria-current");
    });
    this.#dialog.querySelector(".what").textContent = text;
    this.#dialog.querySelector("pre").textContent = hexRows(hex, undefined, fits()).join("\n");
  }
}
