/* One lane on the page: its gateway, its counters, its stage with the twin, and its strip.
 *
 *     state.lanes.a --show()--> words and numbers          frame.lanes.a --hear()--> stage, twin, strip
 *
 * A lane asks for nothing itself: it calls `ask(action)`, and `open(pid)` when a process is chosen.
 */

import { say } from "./draw.js";
import { duration, megabytes, number, well } from "./units.js";
import { Stage } from "./stage.js";
import { Strip } from "./strip.js";
import { Twin } from "./twin.js";

const NEWS = 6_000; // ms for which what has happened is shown
export const TITLES = { cgi: "CGI", fastcgi: "FastCGI", scgi: "SCGI", uwsgi: "uwsgi", wsgi: "WSGI" };

export class LaneView {
  #root; #name; #stage; #strip; #twin; #ask; #lane = null; #until = 0; #gone = ""; #under = null; #clock;

  constructor(name, { look, clock, ask, open }) {
    this.#root = document.querySelector("#lane").content.firstElementChild.cloneNode(true);
    [this.#name, this.#ask, this.#clock] = [name, ask, clock];
    const find = (query) => this.#root.querySelector(query);
    const title = `lane ${name.toUpperCase()}`;
    this.#root.setAttribute("aria-label", `Lane ${name.toUpperCase()}`);
    this.#root.dataset.lane = name;
    find("h2").textContent = name.toUpperCase();
    find("caption").textContent = `Processes of ${title}`;
    for (const [query, label] of [
      [".kind", `Gateway of ${title}`], [".fewer", `Fewer workers in ${title}`], [".more", `More workers in ${title}`],
      [".remove", `Remove ${title}`], [".strip", `Latencies of ${title}, on a logarithmic axis`],
      [".stage", `Processes of ${title}: arrows choose one, Enter opens it; the table has the same`],
    ]) find(query).setAttribute("aria-label", label);
    this.#stage = new Stage(find(".stage"), look, clock);
    this.#strip = new Strip(find(".strip"), find(".quantiles"), look);
    this.#twin = new Twin(find("table"), find(".said"), clock, open);
    this.#listen(find, open);
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
      this.#gone = `${bad ? "✕ " : ""}${pid} ${how.replace(" by signal 9", "")}`;
      this.#happened(this.#gone);
    }
    const worker = born.findLast(([, role]) => role !== "cgi");
    if (!worker) return;
    this.#happened(this.#gone ? `${this.#gone} → ${worker[0]}` : `${worker[0]} is born`);
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
    if (pending) return this.#write(".news", `${TITLES[pending] ?? pending} starts ...`);
    const { counts, waiting, workers } = lane;
    this.#write(".workers output", `${workers}`);
    this.#root.querySelector(".workers output").dataset.unit = workers === 1 ? " worker" : " workers";
    this.#write('[data-count="born"]', number(counts.born));
    this.#write('[data-count="cpu"]', duration(counts.cpu));
    this.#write('[data-count="waiting"]', number(waiting));
    this.#write('[data-count="failed"]', number(counts.failed));
    this.#root.classList.toggle("failing", counts.failed > 0);
    const under = lane.lives.get(this.#under);
    if (under) this.#write(".news", this.#described(under));
    else if (performance.now() > this.#until) this.#write(".news", this.#standing(lane));
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
    const words = [pid, now || how || "idle", duration((ended ?? this.#clock.now()) - born), `${number(served)} served`];
    return [...words, megabytes(memory), cpu ? `${duration(cpu)} CPU` : ""].filter(Boolean).join(", ");
  }

  #standing({ trouble, broken, failures, counts, rate, path }) {
    this.#gone = "";
    if (trouble) return trouble;
    if (broken) return "cannot be imported: Reload mends it";
    const words = Object.entries(failures ?? {}).map(([why, times]) => `${number(times)} × ${why}`);
    if (counts.turned_away) words.push(`${number(counts.turned_away)} turned away`);
    if (counts.unheard) words.push(`${number(counts.unheard)} events lost`);
    if (words.length) return words.join(", ");
    return rate ? `${number(rate)} a second: ${path}` : "nobody comes";
  }

  draw() {
    this.#stage.draw();
    this.#strip.draw();
  }
}
