/* The twin: the same processes as the stage, in words, for those who hear a page, and for those who want to read it.
 *
 *     | process | state            | served | age | memory | CPU |    one row a process, kept by its id, so that the
 *     | [4702]  | busy: GET /hello | 128    | ...                      focus stays where it is; written once a second
 *
 * What happens is told once a second and as a sum ("50 born, 49 ended"): a voice cannot keep up with a process per
 * request, and need not. A process that was killed, or has crashed, is told by its id.
 */

import { h, say } from "./draw.js";
import { duration, megabytes, number, stateOf, well } from "./units.js";
import { ending, words } from "./words_play.js";

const EVERY = 1000; // ms
const ROWS = 60; // the living first, then the youngest of those that have ended
const COLUMNS = 6;

/** One lane in words: a table in `body`, and a live region. `open(pid)` is called for a process that is chosen. */
export class Twin {
  #head; #body; #said; #clock; #open; #rows = new Map(); #news = { born: 0, ended: 0, bad: [] }; #next = 0; #seen = false;

  constructor(table, said, clock, open) {
    [this.#said, this.#clock, this.#open] = [said, clock, open];
    this.#head = table.createTHead().insertRow();
    this.#body = table.createTBody();
  }

  /** Say everything anew, in the language that is spoken. */
  speak() {
    this.#head.replaceChildren(...words().heads.map((title) => h("th", { scope: "col" }, title)));
    this.#body.replaceChildren();
    this.#rows.clear();
    this.#next = 0;
  }

  hear(news) {
    this.#news.born += news.born?.length ?? 0;
    this.#news.ended += news.ended?.length ?? 0;
    for (const [pid, how] of news.ended ?? []) if (!well(how)) this.#news.bad.push(`${pid}: ${ending(how)}`);
  }

  /** Write the table and the news, once a second. */
  show(lane) {
    const seen = Boolean(this.#body.closest(".tables"));
    if (performance.now() < this.#next && seen === this.#seen) return;
    this.#seen = seen;
    this.#next = performance.now() + EVERY;
    this.#say();
    const lives = [...lane.lives.values()].reverse();
    const [alive, gone] = [true, false].map((alive) => lives.filter((life) => (life.ended === null) === alive));
    const shown = [...alive, ...gone].slice(0, ROWS);
    const pids = new Set(shown.map((life) => life.pid));
    for (const [pid, row] of this.#rows) {
      if (pids.has(pid) || row.contains(document.activeElement)) continue;
      row.remove();
      this.#rows.delete(pid);
    }
    shown.forEach((life, i) => {
      const row = this.#rows.get(life.pid) ?? this.#row(life.pid);
      this.#fill(row, life);
      row.querySelector("button").tabIndex = seen ? 0 : -1; // while the stage is seen, its arrows lead to each process
      const there = this.#body.rows[i] ?? null;
      if (there !== row && !row.contains(document.activeElement)) this.#body.insertBefore(row, there);
    });
  }

  #row(pid) {
    const label = words().lane.open(pid);
    const button = h("button", { type: "button", "aria-label": label, onclick: () => this.#open(pid) }, pid);
    const row = h("tr", {}, h("th", { scope: "row" }, button), Array.from({ length: COLUMNS - 1 }, () => h("td")));
    this.#rows.set(pid, row);
    return row;
  }

  #fill(row, life) {
    const state = stateOf(life);
    const age = (life.ended ?? this.#clock.now()) - life.born;
    const said = words().state[state];
    const told = state === "busy" ? `${said}: ${life.now}` : state === "killed" ? ending(life.how) : said;
    const cells = [told, number(life.served), duration(age), megabytes(life.memory), life.cpu ? duration(life.cpu) : ""];
    row.dataset.state = state;
    cells.forEach((text, i) => {
      say(row.cells[i + 1], text);
    });
  }

  #say() {
    const { born, ended, bad } = this.#news;
    this.#news = { born: 0, ended: 0, bad: [] };
    if (!born && !ended) return;
    const { lane } = words();
    const also = bad.length > 3 ? lane.unwell(bad.length) : bad.length ? `. ${bad.join(". ")}` : "";
    this.#said.textContent = `${lane.told(born, ended)}${also}`;
  }
}
