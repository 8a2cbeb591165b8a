/* Free play: up to four lanes side by side, one row of controls for all of them, and the ratio in one big number.
 *
 *     rate ----o--------      12 x  the CPU a request: A 84 ms, B 7 ms       Script  ?
 *     [ lane A: CGI          ] [ lane B: FastCGI      ]
 *     (all | A | B)  One request  Burst of 40  Kill  More ...
 *
 * The rarer buttons stand behind "More" where a window is small or full; each has a key, and that always acts.
 *
 * What a button does goes to the lanes that are aimed at, at first to all: two lanes under the same load differ in one
 * thing only. The ratio is of CPU seconds a request, both counted over the same last minute, and only where the two are
 * asked for the same; a ratio of a few requests would be made of chance and of the clock's ticks. It compares the first
 * lane with the second, or with the one that is aimed at.
 */

import { h, say } from "./draw.js";
import { duration, number } from "./units.js";
import { LaneView, TITLES } from "./lane.js";
import { showLife, SlowMotion } from "./panel.js";
import { LANGUAGES } from "./words.js";
import { fill, language, next, speak, words } from "./words_play.js";

const NAMES = ["a", "b", "c", "d"];
const RATES = [0, 1, 2, 5, 10, 20, 50, 100, 200, 500]; // visitors a second; the server's own limit cuts them
const BURST = 40; // visitors at once: the number of the script, and of the words
const WINDOW = 60; // seconds over which the ratio is counted
const ENOUGH = 0.005; // seconds of CPU: clocks of workers are exact, and of programs that have ended, to 0.01 s
const REQUESTS = 20; // so those of CGI are exact enough, too
const READ = 200; // ms between two sets of numbers: more often is not read, and has the page laid out each time
const ECHO = 1_000; // ms in which what somebody has just set is not set back by a frame from before
const ORDER = ["cgi", "fastcgi", "uwsgi", "wsgi", "scgi"]; // of the lanes that are added

/** What the buttons do, and their keys; the words are in words_play.js. The first ones always have a place in the row. */
const COMMON = { once: "o", burst: "b", kill: "k" };
const RARE = { slow: "s", reload: "r", leak: "m", crash: "c", break: "i" };
const ACTIONS = { ...COMMON, ...RARE };

/** All keys of free play with what they do, in the language that is spoken. */
function keys() {
  const { act, keys: { list } } = words();
  return [
    ...Object.entries(ACTIONS).map(([what, key]) => [key.toUpperCase(), act[what][1]]),
    ["0", list.all], [list.to, list.one], [`[ ${list.and} ]`, list.rate], [`− ${list.and} +`, list.workers], ["N", list.add],
    ["Z", list.motion], ["T", list.table], [".", list.more], ["L", list.language], ["D", list.day], [list.tab, list.choose], [list.escape, list.script],
  ];
}

const each = (lane, seconds) => `${lane.toUpperCase()} ${duration(seconds)}`.replaceAll(" ", "\u00a0"); // never broken
const $ = (query) => document.querySelector(query);

export class Play {
  #feed; #act; #look; #say; #motion; #state; #views = new Map(); #pending = new Map();
  #aim = "all"; #slow = false; #touched = -Infinity; #shown = 0;
  #spent = new Map();

  constructor({ feed, act, look, say }) {
    [this.#feed, this.#act, this.#look, this.#say, this.#state] = [feed, act, look, say, feed.state];
    this.#motion = new SlowMotion($("#motion"), look);
    $("#actions").replaceChildren(...Object.entries(COMMON).map((one) => this.#button(one)));
    $("#rarer").replaceChildren(...Object.entries(RARE).map((one) => this.#button(one)));
    $("#start").addEventListener("click", () => ["cgi", "fastcgi"].forEach((kind, i) => this.#start(NAMES[i], kind)));
    $("#add-lane").addEventListener("click", () => this.#add());
    $("#rate").addEventListener("input", (event) => this.#rate(Number(event.target.value)));
    $("#path").addEventListener("change", (event) => this.#path(event.target.value));
    $("#stretch").addEventListener("click", () => this.#stretch(!this.#slow));
    $("#table").addEventListener("click", () => this.#tables());
    $("#rare").addEventListener("toggle", ({ newState }) => newState === "open" && $("#rare button").focus());
    $("#language").addEventListener("change", (event) => this.speak(event.target.value));
    this.speak();
    feed.listen((state, event) => this.#hear(state, event));
  }

  #button([what, key]) {
    const told = { "data-do": what, "data-say": `act.${what}.0`, "data-hint": `act.${what}.1`, "aria-keyshortcuts": key.toUpperCase() };
    return h("button", { type: "button", ...told, onclick: () => this.#do(what) });
  }

  /** Say everything anew, in this language; none: in the one that was last chosen. */
  speak(wanted) {
    speak(wanted);
    document.documentElement.lang = language();
    document.title = words().page;
    fill(document);
    $(".keylist").replaceChildren(...keys().map(([key, does]) => h("div", {}, h("dt", {}, key), h("dd", {}, does))));
    const names = LANGUAGES.map((one) => [new Intl.DisplayNames([one], { type: "language" }).of(one), one]);
    $("#language").replaceChildren(...names.map(([name, one]) => h("option", { value: one, lang: one, selected: one === language() }, name)));
    $("#targets").dataset.names = "";
    this.#look.changed = true;
    for (const view of this.#views.values()) view.speak();
    this.#touched = -Infinity;
    this.#show();
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
    for (const [name, { root }] of this.#views) root.classList.toggle("aimed", name === this.#aim);
    $("#lanes").dataset.many = this.#names.length;
    $("#lanes").classList.toggle("unlike", new Set(this.#names.map((name) => `${lanes[name]?.rate} ${lanes[name]?.path}`)).size > 1);
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
    const said = words().rate(number(rate));
    say($("#rate-said"), said);
    $("#rate").setAttribute("aria-valuetext", said);
  }

  #targets() {
    const wanted = ["all", ...this.#names];
    const field = $("#targets");
    if (field.dataset.names !== wanted.join()) {
      field.dataset.names = wanted.join();
      field.replaceChildren(field.firstElementChild, ...wanted.map((name) => {
        const input = h("input", { type: "radio", name: "target", value: name, onchange: () => this.#aimAt(name) });
        return h("label", {}, input, h("span", {}, name === "all" ? words().all : name.toUpperCase()));
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
      const all = counts.served; // who was refused has cost next to nothing, and would make a lane look cheap
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
    const [a, second] = this.#names;
    const b = this.#aimed.length === 1 && this.#aim !== a && this.#names.includes(this.#aim) ? this.#aim : second;
    const [one, two] = [this.#spent.get(a), this.#spent.get(b)];
    let [big, why] = ["", b ? words().soon : ""];
    if (b && !this.#names.some((name) => this.#state.lanes[name]?.rate) && !(one?.each && two?.each)) why = words().early;
    else if (one && two && one.path !== two.path) why = words().unlike;
    else if (one?.each && two?.each) {
      const [more, less, dear, cheap] = one.each >= two.each ? [a, b, one.each, two.each] : [b, a, two.each, one.each];
      const times = dear / cheap;
      big = `${number(times, times < 9.95 ? 1 : 0)}\u202f×`;
      why = `${words().ratio}\n${each(more, dear)}, ${each(less, cheap)}`;
    }
    const [times, of] = $("#ratio").children;
    say(times, big);
    say(of, why);
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
    if (!lanes.length) return this.#say(words().nothing, language());
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
    const told = lane ? await this.#ask({ do: "stretch", lane }) : this.#say(words().nothing, language());
    const kind = TITLES[this.#state.lanes[lane]?.kind] ?? "";
    if (told?.stages) this.#motion.show(told.stages, `${lane.toUpperCase()} (${kind})`);
    else this.#stretch(false);
  }

  #tables() {
    const on = $("#lanes").classList.toggle("tables");
    $("#table").setAttribute("aria-pressed", on);
    this.#show();
    this.#look.changed = true;
  }

  #more() {
    if ($("#more").checkVisibility()) $("#rare").togglePopover();
    else $("#rare button").focus(); // they are all there
  }

  /** Take a key; return whether it means something here. */
  key(key) {
    const action = Object.keys(ACTIONS).find((what) => ACTIONS[what] === key.toLowerCase());
    const slider = $("#rate");
    const step = (by) => {
      if (slider.disabled) return;
      slider.value = Number(slider.value) + by;
      this.#rate(Number(slider.value));
    };
    if (action) this.#do(action);
    else if (key === "0") this.#aimAt("all");
    else if (/^[1-4]$/.test(key)) this.#aimAt(this.#names[key - 1] ?? this.#aim);
    else if (key === "[" || key === "]") step(key === "]" ? 1 : -1);
    else if (/^[-+=]$/.test(key)) this.#each((lane) => ({ do: "workers", lane, more: key === "-" ? -1 : 1 }));
    else if (/^n$/i.test(key)) this.#add();
    else if (/^z$/i.test(key)) this.#stretch(!this.#slow);
    else if (/^t$/i.test(key)) this.#tables();
    else if (/^l$/i.test(key)) this.speak(next());
    else if (key === ".") this.#more();
    else return false;
    return true;
  }

  draw() {
    for (const view of this.#views.values()) view.draw();
  }
}
