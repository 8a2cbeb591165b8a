/* The feed: what the server tells, folded into one state; and the way back, an action.
 *
 *     EventSource --snapshot, frame--> reduce(state, event) --> state --> every view that listens
 *     a view --act({do: ...})--> POST /do --> what there is to say, or a refusal: a sentence
 *
 * `reduce` is a pure function: the same events give the same state, whether they come from a gateway that runs, from a
 * recording or from a test. It copies what it changes, so a view may keep what it has seen. A snapshot replaces
 * everything: a window that has missed something (a closed laptop) needs no memory. What a snapshot has told already may
 * be told once more by the frame after it, and changes nothing then.
 *
 *     connecting --first event--> live --silence, or an error--> gone --an event--> live
 *
 * Times are the server's, in seconds since 1970. `Clock` turns the browser's own steady clock into them: the least
 * delayed event of the last while says how far the two are apart.
 */

const SILENCE = 4_000; // ms without an event (they come 20 times a second), after which the server counts as gone
const RETRY = [500, 1_000, 2_000, 4_000]; // ms before each new try; the last for all that follow
const TICK = 1_000; // ms between two looks at the silence; a tick much later than that means that the machine slept
const ENDED_KEPT = 400; // processes that have ended and are still known, as on the server
const LAST_KEPT = 8; // requests that a process is remembered by
const JUMP = 2; // seconds that the server's clock may be off ours before we believe that it was set anew (a replay)

export const EMPTY = Object.freeze({
  link: "connecting", why: "", t: 0, began: 0, kinds: [], paths: [], rateMax: 0, crowd: 0,
  lanes: {}, screen: null, ballots: {},
});

/** Return the state after an event: {kind: "snapshot" | "frame" | "gone", data}; of "gone", data is a sentence, or nothing.
 * Changes nothing. */
export function reduce(state, { kind, data }) {
  if (kind === "snapshot") return snapshot(data);
  if (kind === "frame") return frame(state, data);
  return { ...state, link: kind, why: data ?? "" };
}

function snapshot(data) {
  const lanes = {};
  for (const [name, lane] of Object.entries(data.lanes ?? {})) lanes[name] = whole(lane);
  return {
    link: "live", why: "", t: data.t, began: data.began, kinds: data.kinds ?? [], paths: data.paths ?? [],
    rateMax: data.rate_max, crowd: data.crowd, lanes, screen: data.screen ?? null, ballots: data.ballots ?? {},
  };
}

function frame(state, data) {
  const lanes = { ...state.lanes };
  for (const [name, news] of Object.entries(data.lanes ?? {})) {
    if (lanes[name]) lanes[name] = moved(lanes[name], news, data.t);
  }
  for (const [name, lane] of Object.entries(data.lane ?? {})) {
    if (lane) lanes[name] = whole(lane);
    else delete lanes[name];
  }
  return {
    ...state, link: "live", why: "", t: data.t ?? state.t, lanes,
    screen: data.screen ?? state.screen, ballots: { ...state.ballots, ...data.ballots },
  };
}

function whole({ lives, usage, ...rest }) {
  const known = new Map(lives.map((life) => [life.pid, life]));
  return { failures: {}, queue: 0, ...rest, lives: used(known, usage) };
}

function moved(lane, news, at) {
  const { born, ready, begun, finished, ended, latency, usage, ...now } = news;
  const lives = new Map(lane.lives);
  const change = (pid, change) => {
    const life = lives.get(pid);
    if (life) lives.set(pid, { ...life, ...change(life) });
  };
  for (const [kind, [pid, what, t, request]] of inOrder(news)) {
    if (kind === "born") {
      if (repeated(lives.get(pid), t)) continue;
      lives.delete(pid); // an id that is used again: another process, and the youngest
      lives.set(pid, newborn(pid, what, t, request ?? ""));
    } else if (kind === "begun") change(pid, (life) => ({ now: what, since: t, ready: life.ready ?? t }));
    else if (kind === "finished") change(pid, (life) => finish(life, what, t));
    else change(pid, (life) => end(life, what, t));
  }
  for (const pid of ready ?? []) change(pid, () => ({ ready: at }));
  return { ...lane, ...now, lives: used(forget(lives), usage) };
}

/** Tell whether a birth has been told already, by a snapshot or another frame: of two processes that have an id one after
 * the other, the first has ended. */
export const repeated = (life, born) => life !== undefined && (life.ended === null || life.born === born);

/** Return what has happened in a frame as [kind, entry], as it came: a worker may end one request and begin another. */
export function inOrder(news) {
  const kinds = ["born", "finished", "begun", "ended"]; // of the same moment: in this order
  return kinds.flatMap((kind) => (news[kind] ?? []).map((entry) => [kind, entry])).sort(([, a], [, b]) => a[2] - b[2]);
}

function newborn(pid, role, born, now) {
  const ready = role === "cgi" ? born : null;
  return { pid, role, born, ready, ended: null, how: "", served: 0, now, since: born, last: [], cpu: 0, memory: 0 };
}

function finish(life, served, t) {
  const ready = life.ready ?? t;
  if (served <= life.served) return { now: "", ready }; // a snapshot has counted it already
  const last = life.now ? [...life.last, [life.now, t - life.since]].slice(-LAST_KEPT) : life.last;
  return { served, now: "", last, ready };
}

function end(life, how, ended) {
  if (life.role !== "cgi") return { how, ended, now: "" };
  return { how, ended, served: 1, now: "", last: life.now ? [[life.now, ended - life.born]] : [] };
}

function used(lives, usage) {
  for (const [pid, [cpu, memory]] of Object.entries(usage ?? {})) {
    const life = lives.get(Number(pid));
    if (life) lives.set(life.pid, { ...life, cpu, memory });
  }
  return lives;
}

function forget(lives) {
  let over = -ENDED_KEPT;
  for (const life of lives.values()) over += life.ended !== null;
  for (const life of lives.values()) {
    if (over <= 0) break;
    if (life.ended !== null) over -= lives.delete(life.pid);
  }
  return lives;
}

/** The server's clock, read off performance.now(): `now()` in seconds since 1970. */
export class Clock {
  #offset = null;

  /** Take the time that an event carries. It came with a delay, so the greatest difference is the best. */
  hear(t) {
    const offset = t - performance.now() / 1000;
    if (this.#offset === null || Math.abs(offset - this.#offset) > JUMP) this.#offset = offset;
    else this.#offset = Math.max(offset, this.#offset - 0.0005); // drifts: slowly follow it down as well
  }

  now() {
    return performance.now() / 1000 + (this.#offset ?? (Date.now() - performance.now()) / 1000);
  }
}

/** The link to the server: keeps the state, and calls the listeners with (state, event) after each event. */
export class Feed {
  state = EMPTY;
  clock = new Clock();
  #listeners = new Set();
  #source = null;
  #heard = 0;
  #ticked = 0;
  #tries = 0;
  #retry = 0;

  listen(listener) {
    this.#listeners.add(listener);
  }

  /** Connect, and stay connected for as long as the page is open. */
  open() {
    if (!document.hidden) this.#connect();
    this.#ticked = Date.now();
    setInterval(() => this.#watch(), TICK);
    document.addEventListener("visibilitychange", () => (document.hidden ? this.#rest() : this.#connect()));
  }

  /** Let go while nobody looks: a browser has six connections for all its windows, and the seventh request waits. */
  #rest() {
    clearTimeout(this.#retry);
    this.#retry = 0;
    this.#source?.close();
  }

  #connect() {
    this.#source?.close();
    clearTimeout(this.#retry);
    this.#retry = 0;
    this.#heard = Date.now();
    const source = (this.#source = new EventSource("/feed"));
    for (const kind of ["snapshot", "frame"]) {
      source.addEventListener(kind, (event) => {
        if (source !== this.#source) return;
        const data = JSON.parse(event.data);
        this.#heard = Date.now();
        this.#tries = 0;
        this.clock.hear(data.t);
        this.#tell({ kind, data });
      });
    }
    source.onerror = () => source === this.#source && this.#lost();
  }

  #watch() {
    const slept = Date.now() - this.#ticked > 5 * TICK;
    this.#ticked = Date.now();
    if (this.#retry || document.hidden) return;
    if (slept) this.#connect(); // what has queued up meanwhile is of no use: a fresh snapshot is
    else if (Date.now() - this.#heard > SILENCE) this.#lost();
  }

  #lost() {
    const refused = this.#source.readyState === EventSource.CLOSED;
    this.#source.close();
    if (this.state.link !== "gone") this.#tell({ kind: "gone" });
    if (this.#retry) return;
    if (refused) this.#ask();
    this.#retry = setTimeout(() => this.#connect(), RETRY[Math.min(this.#tries++, RETRY.length - 1)]);
  }

  /** An EventSource does not say why it was refused; the same request does. */
  async #ask() {
    const stop = new AbortController();
    try {
      const answer = await fetch("/feed", { signal: stop.signal });
      if (answer.ok) stop.abort();
      else this.#tell({ kind: "gone", data: (await answer.text()).trim() });
    } catch {
      // nobody answers: that is said already
    }
  }

  #tell(event) {
    this.state = reduce(this.state, event);
    for (const listener of this.#listeners) listener(this.state, event);
  }
}

/** An action that the server refused; the message is a sentence for the page. */
export class Refused extends Error {}

/** Ask the server to do something, and return what it says. Throws Refused. */
export async function act(action) {
  const token = document.querySelector('meta[name="classroom-token"]').content;
  let answer;
  try {
    answer = await fetch("/do", {
      method: "POST", body: JSON.stringify(action),
      headers: { "Content-Type": "application/json", "X-Classroom-Token": token },
    });
  } catch {
    throw new Refused("The server does not answer: nothing was done.");
  }
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(told.sentence ?? `The server refused, with status ${answer.status}.`);
  return told.done;
}
