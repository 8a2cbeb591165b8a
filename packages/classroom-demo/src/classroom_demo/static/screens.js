/* The script on the page: seven screens and one key forward. Where the lesson is, the server says; so two windows show
 * the same, and one that comes late shows where the others are.
 *
 *     Space --> {do: screen} --> server --> feed --> the drawing of this screen and step
 *
 * A screen has one idea, so it has one title, one drawing and one sentence that asks the class for something.
 */

import { h, say } from "./draw.js";
import { DRAWINGS } from "./drawings.js";
import { LANGUAGES, WORDS, preferred } from "./words.js";

const ORDER = ["vote", "cgi", "stay", "where", "columns", "break", "again"];
const TWICE = 250; // ms in which a key that bounces counts once
const KEPT = "classroom-language";

export class Screens {
  #root; #feed; #act; #say; #frame; #drawing = null; #key = ""; #language; #shown = false; #pressed = 0; #begun = false; #told = ""; #heard = [];

  constructor({ root, feed, act, say: tell }) {
    [this.#root, this.#feed, this.#act, this.#say] = [root, feed, act, tell];
    this.#language = WORDS[localStorage.getItem(KEPT)] ? localStorage.getItem(KEPT) : preferred();
    style();
    this.#build();
    feed.listen((state, { kind, data }) => {
      if (kind === "snapshot" || data?.screen || data?.ballots) this.#follow(state);
    });
  }

  get #words() {
    return WORDS[this.#language];
  }

  /** Show or hide the view. */
  show(shown) {
    this.#shown = shown;
    const kept = localStorage.getItem(KEPT);
    if (shown && WORDS[kept] && kept !== this.#language) this.#speak(kept); // free play has spoken another one since
    if (shown) this.#follow(this.#feed.state);
  }

  /** Take a key; return whether it was one of ours. One that is held down counts once. */
  key(key, held = false) {
    if (held) return key !== "Tab";
    if (key === "?") this.#frame.help.showModal();
    else if (/^[lL]$/.test(key)) this.#speak(LANGUAGES[(LANGUAGES.indexOf(this.#language) + 1) % LANGUAGES.length]);
    else if (/^[rR]$/.test(key)) this.#do({ do: "replay", name: this.#feed.state.screen?.name });
    else if (/^[pP]$/.test(key)) location.hash = "play";
    else if (/^[fF]$/.test(key)) fullScreen();
    else if (this.#drawing?.key?.(key)) return true;
    else if (key === " " || key === "PageDown" || key === "ArrowRight") this.#once(() => this.#on());
    else if (key === "Backspace" || key === "PageUp" || key === "ArrowLeft") this.#once(() => this.#back());
    else return false;
    return true;
  }

  // -- the way through the script -----------------------------------------------------------------------------------------

  #once(go) {
    const now = performance.now();
    if (now - this.#pressed < TWICE) return;
    this.#pressed = now;
    go();
  }

  #on() {
    const screen = this.#feed.state.screen;
    if (!screen) return;
    const stays = screen.state === "running" || screen.state === "failed" || screen.more;
    const next = stays ? screen.name : ORDER[ORDER.indexOf(screen.name) + 1];
    if (next) this.#do({ do: "screen", screen: next });
    else location.hash = "play"; // after the map, the class plays
  }

  #back() {
    this.#do({ do: "back" });
  }

  #do(action) {
    return this.#act(action).catch((refused) => {
      this.#say(refused.message);
      throw refused;
    }).catch(() => undefined);
  }

  #vote(question, option, hands) {
    return this.#act({ do: "vote", question, option, hands }).catch((refused) => {
      this.#say(refused.message);
      throw refused;
    });
  }

  // -- what is seen -------------------------------------------------------------------------------------------------------

  #follow(state) {
    const { screen, ballots } = state;
    if (!screen || !this.#shown) return;
    if (!screen.step && !this.#begun) {
      this.#begun = true; // the first screen of a new lesson is asked for by the first page
      this.#do({ do: "screen", screen: screen.name });
    }
    const step = screen.step || screen.more;
    const key = `${screen.name}/${step} ${this.#language}`;
    if (key !== this.#key) {
      this.#key = key;
      const vote = (...args) => this.#vote(...args);
      this.#drawing = DRAWINGS[`${screen.name}/${step}`]?.({ words: this.#words, vote, screen, ballots });
      this.#frame.drawing.replaceChildren(...(this.#drawing ? [this.#drawing.root] : []));
      this.#frame.root.dataset.screen = screen.name;
      this.#frame.root.dataset.step = step;
    }
    this.#tell(screen, this.#drawing?.update({ ...screen, step }, ballots) ?? {});
  }

  #tell(screen, { title = "", prompt = "", told = "" }) {
    const { frame, words } = { frame: this.#frame, words: this.#words };
    const failed = screen.state === "failed" ? screen.sentence : ""; // the server's own, in English
    frame.root.dataset.state = screen.state;
    say(frame.title, title);
    say(frame.prompt, screen.state === "failed" ? failed || words.broken : prompt);
    frame.prompt.lang = failed ? "en" : this.#language;
    this.#read([title, frame.prompt.textContent, screen.state === "running" ? "" : told]);
    if (screen.state !== "failed" && screen.sentence !== this.#told) this.#say((this.#told = screen.sentence));
    const place = ORDER.indexOf(screen.name);
    frame.dots.setAttribute("aria-label", words.screen(place + 1, ORDER.length));
    for (const [index, dot] of [...frame.dots.children].entries()) dot.className = index < place ? "past" : index === place ? "now" : "";
    this.#stamp(screen.replay);
  }

  /** Have a screen reader say what is new of title, prompt and picture: once, and not each number of what runs. */
  #read(heard) {
    const news = heard.filter((text, index) => text && text !== this.#heard[index]).join(" ");
    if (news) say(this.#frame.said, news);
    this.#heard = heard;
  }

  #stamp(replay) {
    const stamp = replay ? [this.#words.replay, this.#day(replay.date), brief(replay.machine)] : [];
    if (this.#frame.replay.dataset.stamp === stamp.join()) return;
    this.#frame.replay.dataset.stamp = stamp.join();
    this.#frame.replay.title = replay?.machine ?? "";
    this.#frame.replay.replaceChildren(...stamp.flatMap((text, index) => [h(index ? "span" : "b", {}, text), " "]).slice(0, -1));
  }

  #day(date) {
    return new Date(date).toLocaleDateString(this.#language === "en" ? "en-GB" : this.#language, { day: "numeric", month: "short", year: "numeric" });
  }

  #speak(language) {
    this.#language = language;
    localStorage.setItem(KEPT, language);
    this.#build();
    this.#key = "";
    this.#follow(this.#feed.state);
  }

  #build() {
    const words = this.#words;
    const parts = {
      title: h("h1"), replay: h("p", { class: "replay" }), drawing: h("div", { class: "drawing" }), prompt: h("p", { class: "prompt" }),
      dots: h("p", { class: "way", role: "img" }, ORDER.map(() => h("i"))), said: h("p", { class: "unseen", role: "status" }), help: help(words, this.#language),
    };
    const next = h("button", { type: "button", class: "next", onclick: () => this.key(" "), "aria-label": `${words.space} ▸ ${words.help.keys[0][1]}` },
      h("span", {}, `${words.space} `));
    const root = h("div", { class: "screen" }, h("header", {}, parts.replay, parts.title), parts.drawing,
      h("footer", {}, parts.prompt, next, parts.dots), parts.said, parts.help);
    this.#heard = [];
    this.#frame = { ...parts, root };
    this.#root.lang = this.#language;
    this.#root.replaceChildren(root);
  }
}

function help(words, language) {
  const close = h("button", { type: "button", class: "close", "aria-label": "×" }, "×");
  const dialog = h("dialog", { class: "keys", "aria-label": words.help.title }, h("header", {}, h("h2", {}, words.help.title), close),
    h("dl", {}, words.help.keys.map(([key, does]) => h("div", {}, h("dt", {}, key), h("dd", {}, does)))),
    h("p", {}, h("a", { href: `/card?lang=${language}`, target: "_blank" }, words.help.card)));
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("keydown", (event) => {
    if (event.key !== "?" && event.key !== "Escape") return;
    event.preventDefault(); // the page would open it again
    dialog.close();
  });
  return dialog;
}

/** A machine in a few words: no patch of its kernel, none of its Python. */
const brief = (machine) => machine.replace(/(\d+\.\d+)[\w.+-]*/g, "$1");

function fullScreen() {
  const done = document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen?.();
  done?.catch(() => undefined); // a browser may refuse; then its own key is left
}

/** The style sheet of the screens comes with them. */
function style() {
  document.head.append(h("link", { rel: "stylesheet", href: new URL("screens.css", import.meta.url).pathname }));
}
