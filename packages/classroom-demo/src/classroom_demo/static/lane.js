/* One lane on the page: its gateway, its counters, its stage with the twin, and its strip.
 *
 *     state.lanes.a --show()--> words and numbers          frame.lanes.a --hear()--> stage, twin, strip
 *
 * A lane asks for nothing itself: it calls `ask(action)`, and `open(pid)` when a process is chosen.
 */

import { h, say } from "./draw.js";
import { duration, megabytes, number, well } from "./units.js";
import { Stage } from "./stage.js";
import { Strip } from "./strip.js";
import { Twin } from "./twin.js";
import { ending, words } from "./words_play.js";

const NEWS = 6_000; // ms for which what has happened is shown
export const TITLES = { cgi: "CGI", fastcgi: "FastCGI", scgi: "SCGI", uwsgi: "uwsgi", wsgi: "WSGI" };

export class LaneView {
  #root; #name; #stage; #strip; #twin; #ask; #lane = null; #until = 0; #gone = ""; #under = null; #clock;

  constructor(name, { look, clock, ask, open }) {
    this.#root = document.querySelector("#lane").content.firstElementChild.cloneNode(true);
    [this.#name, this.#ask, this.#clock] = [name, ask, clock];
    const find = (query) => this.#root.querySelector(query);
    this.#root.dataset.lane = name;
    find("h2").textContent = name.toUpperCase();
    this.#stage = new Stage(find(".stage"), look, clock);
    this.#strip = new Strip(find(".strip"), find(".quantiles"), look);
    this.#twin = new Twin(find("table"), find(".said"), clock, open);
    this.#listen(find, open);
    this.speak();
  }

  /** Say everything anew, in the language that is spoken. */
  speak() {
    const find = (query) => this.#root.querySelector(query);
    const name = this.#name.toUpperCase();
    const { lane, count } = words();
    this.#root.setAttribute("aria-label", lane.name(name));
    for (const part of ["kind", "fewer", "more", "remove", "strip", "stage"]) find(`.${part}`).setAttribute("aria-label", lane[part](name));
    find("caption").textContent = lane.table(name);
    for (const [what, [before, short, after]] of Object.entries(count)) {
      const rest = [before, after].map((text) => h("span", { class: "rest" }, text));
      find(`[data-count="${what}"]`).previousElementSibling.replaceChildren(rest[0], short, rest[1]);
    }
    this.#until = 0; // what was said in another language
    this.#strip.speak();
    this.#twin.speak();
  }

  get root() {
    return this.#root;
  }

  /** The process that is chosen and lives, or null. */
  get chosen() {
    const life = this.#lane?.lives.get(this.#stage.chosen);
    return life && life.ended === null ? life.pid : null;
  }

  #listen(find, open) {
    const lane = this.#name;
    find(".kind").addEventListener("change", (event) => {
      this.#ask({ do: "lane.start", lane, kind: event.target.value, workers: this.#lane?.workers ?? 2 });
    });
    find(".fewer").addEventListener("click", () => this.#ask({ do: "workers", lane, more: -1 }));
    find(".more").addEventListener("click", () => this.#ask({ do: "workers", lane, more: 1 }));
    find(".remove").addEventListener("click", () => this.#ask({ do: "lane.stop", lane }));
    const stage = find(".stage");
    stage.addEventListener("click", ({ offsetX, offsetY }) => {
      const pid = this.#stage.at(offsetX, offsetY);
      this.#stage.pick(pid);
      if (pid !== null) open(pid);
    });
    stage.addEventListener("pointermove", ({ offsetX, offsetY }) => (this.#under = this.#stage.at(offsetX, offsetY)));
    stage.addEventListener("pointerleave", () => (this.#under = null));
    stage.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (step) {
        const life = this.#lane?.lives.get(this.#stage.choose(step));
        if (life) find(".chosen").textContent = this.#described(life);
      } else if (event.key === "Enter" && this.#stage.chosen !== null) open(this.#stage.chosen);
      else return;
      event.preventDefault();
    });
  }

  /** Take what has happened in a frame; null: everything is new. */
  hear(lane, news) {
    if (lane.url !== this.#lane?.url) this.#strip.forget(); // another gateway
    this.#lane = lane;
    this.#stage.hear(lane, news);
    if (!news) return;
    this.#twin.hear(news);
    if (news.latency) this.#strip.hear(news.latency);
    this.#tell(news);
  }

  /** Say what has happened to those that stay, and who was killed: "✕ 4711 killed → 4712". */
  #tell({ born = [], ended = [] }) {
    for (const [pid, how] of ended) {
      const bad = !well(how);
      if (!bad && this.#lane.lives.get(pid)?.role !== "worker") continue; // a process per request has ended, as it should
      const end = /signal 9$/.test(how) ? words().state.killed : ending(how); // short: the heir stands beside it
      this.#gone = `${bad ? "✕ " : ""}${pid} ${end}`;
      this.#happened(this.#gone);
    }
    const worker = born.findLast(([, role]) => role !== "cgi");
    if (!worker) return;
    this.#happened(this.#gone ? `${this.#gone} → ${worker[0]}` : words().lane.born(worker[0]));
    this.#gone = "";
  }

  #happened(words) {
    this.#until = performance.now() + NEWS;
    this.#write(".news", words);
  }

  #write(query, text) {
    say(this.#root.querySelector(query), text);
  }

  /** Show the lane as it is; null: it starts as `pending`. Called when there is something new. */
  show(lane, kinds, pending) {
    this.#root.classList.toggle("pending", Boolean(pending));
    this.#root.toggleAttribute("aria-busy", Boolean(pending));
    this.#kinds(kinds, pending ?? lane.kind);
    if (pending) return this.#write(".news", words().lane.starts(TITLES[pending] ?? pending));
    const { counts, waiting, workers } = lane;
    this.#write(".workers output", `${workers}`);
    this.#root.querySelector(".workers output").dataset.unit = ` ${words().lane.workers(workers)}`;
    this.#write('[data-count="born"]', number(counts.born));
    this.#write('[data-count="cpu"]', duration(counts.cpu));
    this.#write('[data-count="waiting"]', number(waiting));
    this.#write('[data-count="failed"]', number(counts.failed));
    this.#root.classList.toggle("failing", counts.failed > 0);
    this.#root.classList.toggle("troubled", Boolean(lane.trouble));
    const under = lane.lives.get(this.#under);
    const [news, quiet] = under ? [this.#described(under)] : this.#standing(lane);
    const told = under || lane.trouble || performance.now() > this.#until;
    if (told) this.#write(".news", news);
    this.#root.querySelector(".news").lang = told && lane.trouble && !under ? "en" : "";
    this.#root.querySelector(".news").classList.toggle("quiet", Boolean(told && quiet));
    this.#twin.show(lane);
  }

  #kinds(kinds, kind) {
    const select = this.#root.querySelector(".kind");
    if (select.options.length !== kinds.length) {
      select.replaceChildren(...kinds.map((one) => new Option(TITLES[one] ?? one, one)));
    }
    if (select.dataset.kind !== kind) select.value = select.dataset.kind = kind; // only then: somebody may be choosing
  }

  #described({ pid, now, how, ended, born, served, memory, cpu }) {
    const holds = now || (how ? ending(how) : words().state.idle);
    const told = [pid, holds, duration((ended ?? this.#clock.now()) - born), words().served(number(served))];
    return [...told, megabytes(memory), cpu ? `${duration(cpu)} CPU` : ""].filter(Boolean).join(", ");
  }

  /** What there is to say while nothing happens, and whether it may give way to the latencies. */
  #standing({ trouble, broken, failures, counts, rate, path }) {
    this.#gone = "";
    const { lane } = words();
    if (trouble) return [trouble];
    if (broken) return [lane.broken];
    const told = Object.entries(failures ?? {}).map(([why, times]) => `${number(times)} × ${why}`);
    if (counts.turned_away) told.push(lane.away(number(counts.turned_away)));
    if (counts.unheard) told.push(lane.unheard(number(counts.unheard)));
    if (told.length) return [told.join(", ")];
    return [rate ? lane.asks(number(rate), path) : lane.nobody, true];
  }

  draw() {
    this.#stage.draw();
    this.#strip.draw();
  }
}
