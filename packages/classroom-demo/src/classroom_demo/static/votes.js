/* A ballot: one row an option, with the hands that were counted for it, and the truth once it is locked.
 *
 *     A   40    2   ████████████████ 17
 *     B   40   40   ████ 4
 *
 * The marked option takes the digits: they are a tally, 0 to 200, and are sent as they are typed. What the server refuses
 * is taken back, since the row shows what the server has. Where there is no keyboard, two buttons count it up and down.
 */

import { h, percent, say } from "./draw.js";

const DIGITS = 3;

export class Ballot {
  #rows = new Map(); #options; #focus = 0; #typed = ""; #vote; #ballot = null;

  /** `cells(option)` returns what stands in an option's row; `vote(option, hands)` sends a tally. */
  constructor({ options, heads = [], cells, vote, words }) {
    [this.#options, this.#vote] = [options, vote];
    const body = options.map((option, index) => this.#row(option, index, cells(option)));
    const head = heads.length ? h("tr", {}, h("td"), heads.map((text) => h("th", { scope: "col" }, text)), h("td")) : null;
    this.words = words;
    this.root = h("table", { class: "ballot" }, head && h("thead", {}, head), h("tbody", {}, body));
  }

  /** Show a ballot as the server has it. */
  show(ballot) {
    this.#ballot = ballot;
    const most = Math.max(10, ...Object.values(ballot.hands));
    this.root.classList.toggle("locked", ballot.locked);
    for (const [option, { row, bar, number }] of this.#rows) {
      const hands = ballot.hands[option] ?? 0;
      bar.style.setProperty("--share", hands / most);
      say(number, hands || ballot.locked || this.#options[this.#focus] === option ? String(hands) : "");
      row.classList.toggle("true", ballot.locked && option === ballot.truth);
      row.classList.toggle("marked", !ballot.locked && this.#options[this.#focus] === option);
      row.setAttribute("aria-current", String(row.classList.contains("marked")));
      row.setAttribute("aria-label", `${row.dataset.name}: ${this.words.hands(hands)}${row.matches(".true") ? `, ${this.words.right}` : ""}`);
    }
  }

  /** What a screen reader is told: the marked answer while hands are counted, then the right one. */
  get told() {
    return this.root.querySelector(".marked, .true")?.getAttribute("aria-label") ?? "";
  }

  /** Take a key; return whether it was one of ours. */
  key(key) {
    if (/^[0-9]$/.test(key)) this.#digit(key);
    else if (key === "Backspace" && this.#typed) this.#send(this.#typed.slice(0, -1));
    else if (key === "Enter" || key === "ArrowDown") this.#mark(this.#focus + 1);
    else if (key === "ArrowUp") this.#mark(this.#focus - 1);
    else return false;
    return true;
  }

  #digit(digit) {
    const typed = (this.#typed + digit).replace(/^0+(?=.)/, "");
    this.#send(typed.length > DIGITS ? digit : typed);
  }

  #send(typed) {
    this.#typed = typed;
    this.#vote(this.#options[this.#focus], Number(typed || 0)).catch(() => (this.#typed = ""));
  }

  /** Count a hand more or fewer for the marked option. */
  #by(step) {
    this.#send(String(Math.max(0, (this.#ballot?.hands[this.#options[this.#focus]] ?? 0) + step)));
    this.#typed = "";
  }

  #mark(index) {
    this.#typed = "";
    this.#focus = (index + this.#options.length) % this.#options.length;
    if (this.#ballot) this.show(this.#ballot);
  }

  #row(option, index, cells) {
    const letter = String.fromCharCode(65 + index);
    const bar = h("i");
    const number = h("b", { class: "hands" });
    const by = (step, text) => h("button", { type: "button", class: "by", onclick: () => this.#by(step) }, text);
    const row = h("tr", { "data-name": [letter, ...cells].join(" "), onclick: () => this.#mark(index) },
      h("th", { scope: "row", class: "letter" }, h("span", {}, letter)), cells.map((cell) => h("td", { class: "option" }, h("span", {}, cell))),
      h("td", { class: "tally" }, h("span", {}, bar, number, by(-1, "−1"), by(1, "+1"))));
    this.#rows.set(option, { row, bar, number });
    return row;
  }
}

/** The share of a ballot's hands that an option has, as a whole percentage. */
export function voted(ballot, option) {
  const all = Object.values(ballot?.hands ?? {}).reduce((sum, hands) => sum + hands, 0);
  return all ? percent((ballot.hands[option] ?? 0) / all) : 0;
}

/** How many hands of a ballot were right, of all that were counted; none, as long as nobody knows what is right. */
export function right(ballot) {
  const all = ballot?.truth ? Object.values(ballot.hands).reduce((sum, hands) => sum + hands, 0) : 0;
  return { hands: all ? (ballot.hands[ballot.truth] ?? 0) : 0, all };
}
