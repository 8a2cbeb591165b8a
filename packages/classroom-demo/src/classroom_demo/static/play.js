/* Free play: up to four lanes side by side, one row of controls for all of them, and the ratio in one big number.
 *
 *     rate ----o--------      12 x the CPU       + lane  Table  Script  ?
 *     [ lane A: CGI          ] [ lane B: FastCGI      ]
 *     (all | A | B)  /hello  One request  Burst  Slow request  Leak  Crash  ...
 *
 * What a button does goes to the lanes that are aimed at, at first to all: two lanes under the same load differ in one
 * thing only. The ratio is of CPU seconds a request, both counted over the same last minute, and only where the two are
 * asked for the same; a ratio of less than a tenth of a second of CPU would be made of the clock's ticks.
 */

import { h, say } from "./draw.js";
import { duration, number } from "./units.js";
import { LaneView, TITLES } from "./lane.js";
import { showLife, SlowMotion } from "./panel.js";

const NAMES = ["a", "b", "c", "d"];
const RATES = [0, 1, 2, 5, 10, 20, 50, 100, 200, 500]; // visitors a second; the server's own limit cuts them
const BURST = 40; // visitors at once: the number of the script
const WINDOW = 60; // seconds over which the ratio is counted
const ENOUGH = 0.1; // seconds of CPU, ten ticks of Linux's clock: a tenth at least is then no accident
const REQUESTS = 10;
const READ = 200; // ms between two sets of numbers: more often is not read, and has the page laid out each time
const ECHO = 1_000; // ms in which what somebody has just set is not set back by a frame from before
const ORDER = ["cgi", "fastcgi", "uwsgi", "wsgi", "scgi"]; // of the lanes that are added

/** What the buttons do: the action, its key, and its name. */
export const ACTIONS = [
  ["once", "o", "One request", "one visitor comes"],
  ["burst", "b", `Burst of ${BURST}`, `${BURST} visitors come at once`],
  ["slow", "s", "Slow", "a visitor whose request takes 3 seconds"],
  ["leak", "m", "Leak", "a request after which 20 MB are kept for good"],
  ["crash", "c", "Crash", "a request that ends its process"],
  ["break", "i", "Crash on import", "the application cannot be imported any more, until it is reloaded"],
  ["kill", "k", "Kill", "kill the process that is chosen, or the youngest"],
  ["reload", "r", "Reload", "new workers take the place of the old"],
];

export const KEYS = [
  ...ACTIONS.map(([, key, , what]) => [key.toUpperCase(), what]),
  ["0", "aim at all lanes"], ["1 to 4", "aim at one lane"], ["[ and ]", "fewer, more visitors a second"],
  ["− and +", "fewer, more workers"], ["N", "add a lane"], ["Z", "slow motion"], ["T", "tables in place of pictures"],
  ["D", "day and night"], ["Tab, arrows, Enter", "choose a process and open it"], ["Escape", "close; then, the script"],
];

const each = (lane, seconds) => `${lane.toUpperCase()} ${duration(seconds)}`.replaceAll(" ", "\u00a0"); // never broken
const $ = (query) => document.querySelector(query);

export class Play {
  #feed; #act; #look; #say; #motion; #state; #views = new Map(); #pending = new Map();
  #aim = "all"; #slow = false; #touched = 0; #shown = 0;
  #spent = new Map();

  constructor({ feed, act, look, say }) {
    [this.#feed, this.#act, this.#look, this.#say, this.#state] = [feed, act, look, say, feed.state];
    this.#motion = new SlowMotion($("#motion"), look);
    $("#actions").replaceChildren(...ACTIONS.map(([what, key, name, title]) => {
      const attributes = { type: "button", "data-do": what, title: `${title} (${key.toUpperCase()})` };
      return h("button", { ...attributes, onclick: () => this.#do(what) }, name);
    }));
    $("#start").addEventListener("click", () => ["cgi", "fastcgi"].forEach((kind, i) => this.#start(NAMES[i], kind)));
    $("#add-lane").addEventListener("click", () => this.#add());
    $("#rate").addEventListener("input", (event) => this.#rate(Number(event.target.value)));
    $("#path").addEventListener("change", (event) => this.#path(event.target.value));
    $("#stretch").addEventListener("click", () => this.#stretch(!this.#slow));
    $("#table").addEventListener("click", () => this.#tables());
    feed.listen((state, event) => this.#hear(state, event));
  }

  // -- what the server tells ------------------------------------------------------------------------------------------

  #hear(state, { kind, data }) {
    this.#state = state;
    if (kind !== "snapshot" && kind !== "frame") return;
    const lanes = kind === "snapshot" ? state.lanes : (data.lane ?? {});
    for (const name of Object.keys(lanes)) {
      if (state.lanes[name]) this.#view(name).hear(state.lanes[name], null);
    }
    if (kind === "frame") {
      for (const [name, news] of Object.entries(data.lanes ?? {})) {
        if (state.lanes[name]) this.#view(name).hear(state.lanes[name], news);
      }
    }
    this.#count(state);
    if (kind === "snapshot" || data.lane || performance.now() - this.#shown > READ) this.#show();
  }

  #view(name) {
    if (!this.#views.has(name)) {
      const open = (pid) => this.#life(name, pid);
      const starts = (action) => action.do === "lane.start";
      const ask = (action) => (starts(action) ? this.#start(name, action.kind, action.workers) : this.#ask(action));
      this.#views.set(name, new LaneView(name, { look: this.#look, clock: this.#feed.clock, ask, open }));
      $("#lanes").replaceChildren(...[...this.#views].sort().map(([, view]) => view.root));
    }
    return this.#views.get(name);
  }

  #show() {
    this.#shown = performance.now();
    const { lanes, kinds, paths, rateMax } = this.#state;
    for (const name of [...this.#views.keys()]) {
      if (lanes[name] || this.#pending.has(name)) continue;
      this.#views.get(name).root.remove();
      this.#views.delete(name);
    }
    for (const name of this.#names) this.#view(name).show(lanes[name], kinds, this.#pending.get(name));
    $("#lanes").dataset.many = this.#names.length;
    const invite = $("#invite").hidden;
    $("#invite").hidden = this.#names.length > 0 || this.#state.link !== "live";
    if (invite && !$("#invite").hidden && document.activeElement === document.body) $("#start").focus();
    $("#add-lane").disabled = this.#names.length >= NAMES.length;
    this.#targets();
    const [first] = this.#aimed;
    $("#rate").disabled = !first;
    $("#rate").max = RATES.filter((rate) => rate <= (rateMax || 500)).length - 1;
    if ($("#path").options.length !== paths.length) {
      $("#path").replaceChildren(...paths.map((path) => new Option(path, path)));
    }
    if (performance.now() - this.#touched > ECHO) {
      const { rate, path } = lanes[first] ?? { rate: 0, path: paths[0] };
      $("#rate").value = RATES.findLastIndex((one) => one <= rate);
      $("#path").value = path;
      this.#sayRate(rate);
    }
    this.#ratio();
  }

  get #names() {
    return NAMES.filter((name) => this.#state.lanes[name] || this.#pending.has(name));
  }

  get #aimed() {
    const names = NAMES.filter((name) => this.#state.lanes[name] && !this.#pending.has(name));
    return names.includes(this.#aim) ? [this.#aim] : names;
  }

  #sayRate(rate) {
    const words = `${number(rate)} ${rate === 1 ? "visitor" : "visitors"} a second`;
    say($("#rate-said"), words);
    $("#rate").setAttribute("aria-valuetext", words);
  }

  #targets() {
    const wanted = ["all", ...this.#names];
    const field = $("#targets");
    if (field.dataset.names !== wanted.join()) {
      field.dataset.names = wanted.join();
      field.replaceChildren(field.firstElementChild, ...wanted.map((name) => {
        const input = h("input", { type: "radio", name: "target", value: name, onchange: () => this.#aimAt(name) });
        return h("label", {}, input, h("span", {}, name === "all" ? "all" : name.toUpperCase()));
      }));
    }
    const aim = wanted.includes(this.#aim) ? this.#aim : "all";
    for (const input of field.querySelectorAll("input")) input.checked = input.value === aim;
  }

  #aimAt(name) {
    this.#aim = name;
    this.#show();
  }

  // -- the ratio ------------------------------------------------------------------------------------------------------

  #count({ lanes, t }) {
    for (const [name, { counts, path, url }] of Object.entries(lanes)) {
      const known = this.#spent.get(name);
      const all = counts.served + counts.failed;
      const same = known?.path === path && known.url === url && all >= known.samples.at(-1).requests;
      const spent = same ? known : { path, url, samples: [], each: null };
      this.#spent.set(name, spent);
      const last = spent.samples.at(-1);
      if (last && t - last.t < 0.5) continue;
      spent.samples.push({ t, cpu: counts.cpu, requests: all });
      while (t - spent.samples[0].t > WINDOW) spent.samples.shift();
      const [first, now] = [spent.samples[0], spent.samples.at(-1)];
      const [cpu, requests] = [now.cpu - first.cpu, now.requests - first.requests];
      if (cpu >= ENOUGH && requests >= REQUESTS) spent.each = cpu / requests;
    }
  }

  #ratio() {
    const [a, b] = this.#names.slice(0, 2);
    const [one, two] = [this.#spent.get(a), this.#spent.get(b)];
    let [big, words] = ["", b ? "CPU a request: not enough requests yet" : ""];
    if (one && two && one.path !== two.path) words = "the lanes are asked for different things";
    else if (one?.each && two?.each) {
      const [more, less, dear, cheap] = one.each >= two.each ? [a, b, one.each, two.each] : [b, a, two.each, one.each];
      const times = dear / cheap;
      big = `${times < 9.95 ? times.toFixed(1) : number(Math.round(times))}\u202f×`;
      words = `CPU a request: ${each(more, dear)}, ${each(less, cheap)}`;
    }
    const [times, why] = $("#ratio").children;
    say(times, big);
    say(why, words);
  }

  // -- what the page asks for -----------------------------------------------------------------------------------------

  async #ask(action) {
    try {
      return (await this.#act(action)) ?? true;
    } catch (refused) {
      this.#say(refused.message);
      return null;
    }
  }

  async #each(action) {
    const lanes = this.#aimed;
    if (!lanes.length) return this.#say("Nothing runs yet: start a gateway first.");
    await Promise.all(lanes.map((lane) => this.#ask(action(lane))));
  }

  async #start(lane, kind, workers = 2) {
    if (this.#pending.has(lane)) return;
    this.#pending.set(lane, kind);
    this.#show();
    await this.#ask({ do: "lane.start", lane, kind, workers });
    this.#pending.delete(lane);
    this.#show();
  }

  #add() {
    const name = NAMES.find((one) => !this.#names.includes(one));
    const kinds = this.#names.map((one) => this.#pending.get(one) ?? this.#state.lanes[one].kind);
    if (name) this.#start(name, ORDER.find((kind) => !kinds.includes(kind)) ?? ORDER[0]);
  }

  #path(path) {
    this.#touched = performance.now();
    this.#each((lane) => ({ do: "path", lane, path }));
  }

  #rate(step) {
    this.#touched = performance.now();
    this.#sayRate(RATES[step]);
    this.#each((lane) => ({ do: "rate", lane, rate: RATES[step] }));
  }

  #do(what) {
    if (what === "once" && this.#slow) return this.#stretch(true);
    this.#each((lane) => {
      const pid = this.#views.get(lane).chosen;
      if (what === "burst") return { do: what, lane, count: BURST };
      return what === "kill" && pid !== null ? { do: what, lane, pid } : { do: what, lane };
    });
  }

  async #life(lane, pid) {
    const told = await this.#ask({ do: "life", lane, pid });
    if (told) showLife($("#life"), told, lane, this.#feed.clock.now());
  }

  async #stretch(on) {
    this.#slow = on;
    $("#stretch").setAttribute("aria-checked", on);
    if (!on) return;
    const [lane] = this.#aimed;
    const told = lane ? await this.#ask({ do: "stretch", lane }) : this.#say("Nothing runs yet: start a gateway first.");
    const kind = TITLES[this.#state.lanes[lane]?.kind] ?? "";
    if (told?.stages) this.#motion.show(told.stages, `${lane.toUpperCase()} (${kind})`);
    else this.#stretch(false);
  }

  #tables() {
    const on = $("#lanes").classList.toggle("tables");
    $("#table").setAttribute("aria-pressed", on);
    this.#look.changed = true;
  }

  /** Take a key; return whether it means something here. */
  key(key) {
    const action = ACTIONS.find(([, its]) => its === key.toLowerCase());
    const slider = $("#rate");
    const step = (by) => {
      if (slider.disabled) return;
      slider.value = Number(slider.value) + by;
      this.#rate(Number(slider.value));
    };
    if (action) this.#do(action[0]);
    else if (key === "0") this.#aimAt("all");
    else if (/^[1-4]$/.test(key)) this.#aimAt(this.#names[key - 1] ?? this.#aim);
    else if (key === "[" || key === "]") step(key === "]" ? 1 : -1);
    else if (/^[-+=]$/.test(key)) this.#each((lane) => ({ do: "workers", lane, more: key === "-" ? -1 : 1 }));
    else if (/^n$/i.test(key)) this.#add();
    else if (/^z$/i.test(key)) this.#stretch(!this.#slow);
    else if (/^t$/i.test(key)) this.#tables();
    else return false;
    return true;
  }

  draw() {
    for (const view of this.#views.values()) view.draw();
  }
}
