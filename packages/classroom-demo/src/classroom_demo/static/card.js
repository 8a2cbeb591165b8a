/* The teacher's card: what to say on each screen, and to each wrong answer. One page to print, in the script's languages.
 *
 *     words.js (titles, options, keys) --+
 *                                        +--> the page; ?lang=de chooses, else the browser does
 *     card_words.js (what to say) -------+
 */

import { CARD } from "./card_words.js";
import { h } from "./draw.js";
import { LANGUAGES, WORDS, preferred } from "./words.js";

const NAMES = { en: "English", de: "Deutsch", "zh-Hans": "简体中文" };
const SCREENS = { born: "vote" }; // where a question is asked, if the screen has another name
const PAIR = new Set(["born"]); // questions with two numbers in each option

/** A text with its keys and its code. */
function rich(text) {
  return text.split(/(\[[^\]]+\]|`[^`]+`)/).map((part) => {
    if (part.startsWith("[")) return h("kbd", {}, part.slice(1, -1));
    return part.startsWith("`") ? h("code", {}, part.slice(1, -1)) : part;
  });
}

/** What an option of a question is called. */
function option(words, question, name) {
  if (PAIR.has(question)) return words.vote.heads.map((head, at) => `${head}: ${name.split(" ")[at]}`).join("; ");
  return words.where[name] ?? name;
}

const row = (attributes, at, first, second) => h("tr", attributes, h("td", { class: "at" }, at), h("th", { scope: "row" }, first), h("td", {}, second));
const table = (kind, heads, rows) => h("table", { class: kind },
  h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head)))), h("tbody", {}, rows));

/** The seven screens with their times. */
function run(words, card) {
  const rows = Object.entries(card.minutes).map(([screen, [at, said]]) => row({ "data-screen": screen }, at, h("b", {}, words[screen].title), rich(said)));
  return table("run", [card.at, card.shown, card.say], rows);
}

/** Wrong answers with the time of their screen, those to the votes by the name of their option. */
function wrong(words, card) {
  const rows = Object.entries(card.wrong).flatMap(([question, answers]) => Object.entries(answers).map(([name, said], nth) => row(
    { "data-question": question, "data-option": name }, nth ? "" : card.minutes[SCREENS[question] ?? question][0], option(words, question, name), rich(said))));
  return table("wrong", [card.at, card.somebody, card.you], rows);
}

/** Links to the other languages, and a button: on the screen, not on paper. */
function tools(card, language) {
  const links = LANGUAGES.map((one) => h("a", { href: `?lang=${one}`, lang: one, ...(one === language ? { "aria-current": "page" } : {}) }, NAMES[one] ?? one));
  return h("nav", {}, links, h("button", { type: "button", onclick: () => print() }, card.print));
}

const asked = new URLSearchParams(location.search).get("lang");
const language = asked ? preferred([asked]) : preferred();
const words = WORDS[language];
const card = CARD[language];

document.documentElement.lang = language;
document.title = card.title;
document.body.replaceChildren(
  tools(card, language),
  h("main", {},
    h("h1", {}, card.title),
    h("p", {}, card.lead),
    h("p", { class: "keys" }, h("b", {}, card.keys), words.help.keys.map(([key, does]) => h("span", {}, h("kbd", {}, key), ` ${does}`))),
    h("h2", {}, card.five), run(words, card),
    h("h2", {}, card.false), wrong(words, card),
    h("p", {}, rich(card.trouble)),
    h("p", { class: "foot" }, card.foot)),
);
