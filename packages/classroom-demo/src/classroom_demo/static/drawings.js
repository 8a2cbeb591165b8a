/* What is seen on each screen: one drawing for each step. A drawing is made once and then follows its data, so that what
 * has been seen stays where it is and what is new can be seen to come.
 *
 *     drawing = make({ words, vote, screen, ballots })
 *     drawing.update(screen, ballots) --> { title, prompt }        drawing.key(key) --> was it one of its keys?
 *
 * Shapes have places in percent and sizes in em, so text is as large as anywhere on the page, whatever the window.
 */

import { h, percent, say, svg } from "./draw.js";
import { Ballot, voted } from "./votes.js";

const KINDS = { cgi: "CGI", fastcgi: "FastCGI", scgi: "SCGI", uwsgi: "uwsgi", wsgi: "WSGI" };
const LINES = 3; // processes that a chart of lasting ones has room for
const NOTHING = 0.005; // of the whole: a part that small cannot be told from nothing in a few rounds
const HASH = 8; // digits of a hash that are shown; eyes compare no more

// -- the votes ------------------------------------------------------------------------------------------------------------

function ballot(question, { heads, cells, says }) {
  return ({ words, vote, ballots }) => {
    const options = ballots[question]?.options ?? [];
    const drawn = new Ballot({
      options, words, heads: heads?.(words) ?? [], cells: (option) => cells(option, words),
      vote: (option, hands) => vote(question, option, hands),
    });
    return {
      root: drawn.root,
      key: (key) => drawn.key(key),
      update(screen, now) {
        if (now[question]) drawn.show(now[question]);
        return says(words, screen);
      },
    };
  };
}

const BORN = { heads: (words) => words.vote.heads, cells: (option) => option.split(" ") };
const ask = (name) => (words) => ({ title: words[name].title, prompt: words[name].prompt });

// -- processes that are born ------------------------------------------------------------------------------------------------

/** Dots that climb: request by process. `slots` is how many processes the height has room for. */
class Dots {
  #ranks = new Map(); #last = new Map(); #drawn = 0; #slots; #requests; #label;

  constructor({ requests, slots, label }) {
    [this.#slots, this.#requests, this.#label] = [slots, requests, label];
    this.lines = svg("g", { class: "lines" });
    this.dots = svg("g", { class: "dots" });
    this.texts = svg("g", { class: "texts" });
    this.root = svg("svg", { class: "chart", role: "img" }, this.lines, this.dots, this.texts);
  }

  get processes() {
    return this.#ranks.size;
  }

  follow(rows) {
    if (rows.length < this.#drawn) this.#clear();
    for (const row of rows.slice(this.#drawn)) this.#draw(row);
    this.#drawn = rows.length;
  }

  #clear() {
    this.#ranks.clear();
    this.#last.clear();
    for (const group of [this.lines, this.dots, this.texts]) group.replaceChildren();
  }

  #draw(row) {
    if (!this.#ranks.has(row.pid)) this.#ranks.set(row.pid, this.#ranks.size);
    const rank = this.#ranks.get(row.pid);
    const [x, y] = [(100 * (row.n - 0.5)) / this.#requests, 100 - (100 * (rank + 0.5)) / this.#slots];
    const before = this.#slots > LINES ? this.#last.get("any") : this.#last.get(row.pid);
    if (before) {
      this.lines.append(svg("line", { x1: `${before.x}%`, y1: `${before.y}%`, x2: `${x}%`, y2: `${before.y}%` }));
      this.lines.append(svg("line", { x1: `${x}%`, y1: `${before.y}%`, x2: `${x}%`, y2: `${y}%` }));
    }
    this.dots.append(svg("circle", { cx: `${x}%`, cy: `${y}%`, class: `p${rank % 4} new` }));
    const key = this.#slots > LINES ? "any" : row.pid;
    const text = before?.text ?? this.texts.appendChild(svg("text", {}));
    text.setAttribute("x", `${x}%`);
    text.setAttribute("y", `${y}%`);
    text.classList.toggle("left", x > 50);
    say(text, this.#label(row));
    this.#last.set(key, { x, y, text });
  }
}

function staircase({ words }) {
  const counters = h("ol", { class: "counters-row", "aria-hidden": "true" });
  const chart = new Dots({ requests: 40, slots: 40, label: (row) => `pid ${row.pid}` });
  const root = h("figure", { class: "staircase" },
    h("p", { class: "axis y" }, words.cgi.process), chart.root, h("p", { class: "axis x" }, words.cgi.request),
    h("p", { class: "axis counter" }, words.cgi.counter), counters);
  return {
    root,
    update({ state, data }) {
      const rows = data.rows ?? [];
      chart.follow(rows);
      while (counters.children.length > rows.length) counters.lastChild.remove();
      for (const row of rows.slice(counters.children.length)) counters.append(h("li", { class: "new" }, String(row.counter)));
      chart.root.setAttribute("aria-label", words.cgi.label(rows.length, chart.processes));
      const prompt = state === "done" ? words.cgi.prompt : rows.length ? words.cgi.running : words.starting;
      return { title: words.cgi.title, prompt };
    },
  };
}

// -- processes that stay ----------------------------------------------------------------------------------------------------

function lanes({ words }) {
  const panels = new Map(["cgi", "fastcgi", "uwsgi", "wsgi"].map((kind) => [kind, panel(kind, words)]));
  const same = h("p", { class: "same" });
  const root = h("figure", { class: "lasting" }, h("div", { class: "panels" }, [...panels.values()].map((one) => one.root)), same);
  return {
    root,
    update({ state, data }) {
      const rows = [...(data.before ?? []), ...(data.rows ?? [])];
      for (const [kind, one] of panels) one.update(rows.filter((row) => row.kind === kind), data.born?.[kind]);
      const hashes = Object.values(data.hash ?? {});
      const equal = hashes.every((hash) => hash === hashes[0]);
      say(same, hashes.length && equal ? words.stay.same(data.file, hashes[0].slice(0, HASH), hashes.length) : "");
      const prompt = state === "done" ? words.stay.prompt : data.rows?.length ? words.stay.running : words.starting;
      return { title: words.stay.title, prompt };
    },
  };
}

function panel(kind, words) {
  const chart = new Dots({ requests: 40, slots: kind === "cgi" ? 40 : LINES, label: (row) => String(row.counter) });
  const number = h("output", {});
  const unit = h("span", {});
  const root = h("section", { class: `panel ${kind}` }, h("header", {}, h("h2", {}, KINDS[kind]), h("p", {}, number, " ", unit)), chart.root);
  return {
    root,
    update(rows, born) {
      chart.follow(rows);
      const processes = born ?? chart.processes;
      say(number, rows.length ? String(processes) : "");
      say(unit, rows.length ? words.stay.born(processes) : "");
      chart.root.setAttribute("aria-label", words.stay.label(KINDS[kind], rows.length, processes, Math.max(0, ...rows.map((row) => row.counter))));
    },
  };
}

const TRUTH = {
  ...BORN,
  says: (words, { data }) => ({ title: words.truth.title(data.born?.cgi ?? "?", data.born?.fastcgi ?? "?"), prompt: words.truth.prompt }),
};

// -- the bill ---------------------------------------------------------------------------------------------------------------

function bill({ words, ballots }) {
  const rows = new Map((ballots.where?.options ?? []).map((option) => {
    const [ghost, bar, number] = [h("i", { class: "ghost" }), h("i", { class: "bar" }), h("output", {})];
    const root = h("div", { class: "part", role: "img" }, h("p", {}, words.where[option]), h("span", { class: "bars" }, ghost, bar), number);
    return [option, { root, ghost, bar, number }];
  }));
  const legend = h("p", { class: "legend" }, h("i", { class: "bar" }), words.where.bar, h("i", { class: "ghost" }), words.where.ghost);
  return {
    root: h("figure", { class: "bill" }, [...rows.values()].map((row) => row.root), legend),
    update({ state, data }, now) {
      const parts = data.parts ?? [];
      for (const [option, row] of rows) {
        const mine = parts.filter((part) => part.option === option);
        const share = mine.reduce((sum, part) => sum + part.share, 0);
        const seconds = mine.reduce((sum, part) => sum + part.seconds, 0);
        const votes = voted(now.where, option);
        row.bar.style.setProperty("--share", share);
        row.ghost.style.setProperty("--share", votes / 100);
        row.ghost.hidden = !votes;
        row.root.classList.toggle("true", state === "done" && option === data.truth);
        say(row.number, !parts.length ? "" : share < NOTHING ? "≈ 0 ms" : `${milliseconds(seconds)} ms`);
        row.root.setAttribute("aria-label", words.where.label(words.where[option], percent(share), votes));
      }
      const whole = parts.reduce((sum, part) => sum + part.seconds, 0);
      return {
        title: parts.length ? words.where.measured(milliseconds(whole)) : words.where.title,
        prompt: state === "done" ? words.where.after : words.where.measuring,
      };
    },
  };
}

const milliseconds = (seconds) => (seconds < 0.01 ? (1000 * seconds).toFixed(1) : (1000 * seconds).toFixed(0));

// -- five forms -------------------------------------------------------------------------------------------------------------

function columns({ words }) {
  const root = h("figure", { class: "five" });
  let marks = [];
  return {
    root,
    update({ data, step }) {
      if (data.columns && !root.children.length) {
        const made = data.columns.map((column) => form(column, words));
        root.append(...made.map((one) => one.root));
        marks = made.map((one, index) => [data.columns[index].name, one.mark, one.root]);
      }
      for (const [name, mark, column] of data.nginx ? marks : []) {
        const reads = data.nginx.includes(name);
        column.classList.toggle("read", reads);
        column.classList.toggle("unread", !reads);
        say(mark, reads ? words.columns.reads : words.columns.not);
      }
      return { title: words.columns.title, prompt: data.nginx && step === "answer" ? words.columns.answer : words.columns.prompt };
    },
  };
}

function form(column, words) {
  const mark = h("p", { class: "mark-nginx" });
  const lines = column.lines.map((line) => (line.hex
    ? h("li", { class: "hex", title: line.note }, line.hex.split(" ").map((byte) => h("b", {}, byte)))
    : h("li", { class: "word" }, breakable(line.text))));
  const root = h("section", { class: "form" }, h("h2", {}, column.name), h("p", { class: "carrier" }, words.columns.carriers[column.carrier]),
    h("p", { class: "size" }, h("output", {}, String(column.bytes)), " ", words.columns.bytes(column.bytes)), h("ol", {}, lines), mark);
  return { root, mark };
}

/** Let a long name be broken where its parts meet. */
const breakable = (text) => text.split(/(?<=[_=:,])/).flatMap((piece, index) => (index ? [h("wbr"), piece] : [piece]));

// -- HTTP to a uwsgi port -----------------------------------------------------------------------------------------------------

function bytes({ words }) {
  const root = h("figure", { class: "knocks" });
  const log = h("p", { class: "log" });
  let shown = 0;
  return {
    root,
    update({ data, step }) {
      const knocks = data.hex ? [data, ...(data.others ?? [])] : [];
      if (knocks.length !== shown) {
        shown = knocks.length;
        root.classList.toggle("many", shown > 1);
        root.replaceChildren(...knocks.map((one) => knock(one, shown === 1, words)), log);
        log.replaceChildren(shown === 1 ? h("span", {}, words.break.log) : "", " ", ...(shown === 1 ? lit(data.log, data.number) : []));
      }
      const over = step === "answer" && data.others;
      return { title: over ? words.break.answer : words.break.title, prompt: over ? words.break.after : data.hex ? words.break.prompt : words.starting };
    },
  };
}

function knock({ hex, number, sent }, alone, words) {
  const four = hex.split(" ");
  const tiles = four.map((byte, index) => h("div", { class: index === 1 || index === 2 ? "tile lit" : "tile" },
    h("b", {}, byte), h("span", {}, String.fromCharCode(parseInt(byte, 16)).replace(" ", "␣"))));
  const [low, high] = [four[1], four[2]];
  const sum = h("p", { class: "sum" }, h("span", {}, alone ? `0x${high}${low} = ` : "= "), h("output", {}, String(number)));
  return h("section", { class: "knock", "aria-label": `${sent}: ${hex}: ${number}` },
    h("div", { class: "tiles" }, tiles), alone ? h("p", { class: "brace" }, words.break.size) : null, sum);
}

function lit(line, number) {
  const [before, after] = line.split(String(number));
  return [h("code", {}, before, h("mark", {}, String(number)), after ?? "")];
}

// -- the same question again ------------------------------------------------------------------------------------------------

function crew({ words }) {
  const rows = new Map();
  const bars = h("div", { class: "bars-of-crew" });
  const votes = h("ul", { class: "small-votes" });
  const gain = h("p", { class: "gain" });
  const root = h("figure", { class: "crew" }, bars, votes, gain);
  return {
    root,
    update({ state, data }, now) {
      const most = Math.max(1, (1.15 * (data.requests ?? 1)) / (data.workers ?? 1), ...Object.values(data.answered_by ?? {}));
      for (const [pid, answered] of Object.entries(data.answered_by ?? {})) {
        if (!rows.has(pid)) {
          rows.set(pid, member(pid, rows.size));
          bars.append(rows.get(pid).root);
        }
        const row = rows.get(pid);
        row.bar.style.setProperty("--share", answered / most);
        say(row.number, String(answered));
        row.root.setAttribute("aria-label", words.again.label(pid, answered));
      }
      if (data.truth) results(votes, now.again, words);
      if (data.gain && !gain.children.length) {
        gain.append(h("span", {}, words.again.before), h("b", {}, `${percent(data.gain.before)} %`), h("i", { "aria-hidden": "true" }, "→"),
          h("span", {}, words.again.after), h("b", {}, `${percent(data.gain.after)} %`));
      }
      return {
        title: data.truth ? words.again.done(data.answered, data.truth) : words.again.title,
        prompt: state === "done" ? words.again.prompt2 : data.workers ? words.again.running(data.workers) : words.starting,
      };
    },
  };
}

function member(pid, index) {
  const [bar, number] = [h("i", { class: `bar p${index % 4}` }), h("output", {})];
  return { bar, number, root: h("div", { class: "part", role: "img" }, h("p", {}, `pid ${pid}`), h("span", { class: "bars" }, bar), number) };
}

function results(list, ballot, words) {
  if (list.children.length || !ballot) return;
  list.append(...ballot.options.map((option) => h("li", { class: option === ballot.truth ? "true" : "" },
    h("b", {}, option), h("span", {}, words.hands(ballot.hands[option] ?? 0)))));
}

function map({ words }) {
  const { rule, program, crosses, inside, cells, title, prompt } = words.map;
  const cell = (text) => h("td", {}, text.split("\n").map((line) => h("p", {}, line)));
  const row = (name, texts) => h("tr", {}, h("th", { scope: "row" }, name), texts.map(cell));
  const root = h("table", { class: "map" }, h("thead", {}, h("tr", {}, h("td"), h("th", { scope: "col" }, rule), h("th", { scope: "col" }, program))),
    h("tbody", {}, row(crosses, cells[0]), row(inside, cells[1])));
  return { root, update: () => ({ title, prompt }) };
}

export const DRAWINGS = {
  "vote/ask": ballot("born", { ...BORN, says: ask("vote") }),
  "cgi/run": staircase,
  "stay/run": lanes,
  "stay/truth": ballot("born", TRUTH),
  "where/ask": ballot("where", { cells: (option, words) => [words.where[option]], says: ask("where") }),
  "where/run": bill,
  "columns/run": columns,
  "columns/answer": columns,
  "break/run": bytes,
  "break/answer": bytes,
  "again/ask": ballot("again", { cells: (option) => [option], says: ask("again") }),
  "again/run": crew,
  "again/map": map,
};
