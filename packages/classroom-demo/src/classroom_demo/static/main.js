/* The page: one feed, two views (the script and free play), one loop that draws, and the keys.
 *
 *     #script  seven screens, one key forward   (screens.js, loaded when it is first shown)
 *     #play    free play                        (play.js)
 *
 * A view is built with {feed, act, look, say} (and the script with its `root`), and has `key(key)`, which returns whether
 * the key means something there, and perhaps `draw()`, called sixty times a second while it is open; the script also has
 * `show(open)`.
 *
 * The address says which view is open, so that each window has its own: a teacher shows the script, a pupil plays. Keys go
 * to the view that is open, unless a dialog is, or somebody writes. What is said to everybody is said here: a sentence
 * that the server refused with, that it is gone, that it is back.
 */

import { say as tell } from "./draw.js";
import { Feed, act } from "./feed.js";
import { Play } from "./play.js";
import { Look } from "./shapes.js";
import { language, speak, words } from "./words_play.js";

const SAID = 7_000; // ms for which a sentence stays: long enough to be read aloud
const FRAMES = 120; // frames whose drawing time is kept

const $ = (query) => document.querySelector(query);
const theme = new URLSearchParams(location.search).get("theme");
if (theme) document.documentElement.dataset.theme = theme;

const feed = new Feed();
const look = new Look();
const play = new Play({ feed, act, look, say });
let script = null;
let silence = 0;
let link = "connecting";

/** Say a sentence to whoever looks or listens; what the server says is English. */
function say(sentence, its = "en") {
  clearTimeout(silence);
  $("#sentence").lang = its;
  $("#sentence").textContent = sentence;
  silence = setTimeout(() => ($("#sentence").textContent = ""), SAID);
}

// -- the two views ------------------------------------------------------------------------------------------------------

async function view() {
  const name = location.hash === "#play" ? "play" : "script";
  if (name === "script" && !script) {
    const { Screens } = await import("./screens.js");
    script = new Screens({ root: $("#script"), feed, act, look, say });
  }
  for (const one of ["script", "play"]) $(`#${one}`).hidden = one !== name;
  if (name === "play") play.speak();
  look.changed = true;
  script?.show(name === "script");
}

function go(name) {
  location.hash = name;
}

/** Open the view that the address names. A script that does not load takes nothing else with it. */
function open() {
  view().catch((error) => {
    console.error(error);
    say(words().noScript, language());
    go("play");
  });
}

addEventListener("hashchange", open);
$("#to-script").addEventListener("click", () => go("script"));

// -- the link -----------------------------------------------------------------------------------------------------------

feed.listen((state, { kind, data }) => {
  if (kind === "snapshot") {
    const began = sessionStorage.getItem("began");
    sessionStorage.setItem("began", data.began);
    if (link === "gone" && began && Number(began) !== data.began) return location.reload(); // its token is a new one
  }
  if (kind === "gone") speak(); // the language that the script was last shown in
  $("#link").lang = state.why ? "en" : language();
  tell($("#link"), state.link === "gone" ? state.why || words().gone : "");
  if (state.link === link) return;
  if (link === "gone") say(words().back, language());
  document.body.classList.toggle("gone", state.link === "gone");
  link = state.link;
});

// -- the keys -----------------------------------------------------------------------------------------------------------

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented || $("dialog[open]")) return;
  const { target, key } = event;
  const writes = target.matches("textarea, select, input:not([type=radio], [type=range], [type=checkbox])");
  if (writes || !$("#single").checked) return;
  if ((key === " " || key === "Enter") && target.matches(":is(button, a, summary):focus-visible")) return; // its own
  const shown = $("#play").hidden ? script : play;
  if (!shown?.key(key, event.repeat) && !common(key, shown)) return;
  event.preventDefault();
});

/** Take a key that means the same in both views; return whether it is one. */
function common(key, shown) {
  if (key === "?") $("#keys").showModal();
  else if (key === "Escape" && shown === play && !$("#rare:popover-open")) go("script");
  else if (/^d$/i.test(key)) dayAndNight();
  else return false;
  return true;
}

function dayAndNight() {
  const root = document.documentElement;
  const now = root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  root.dataset.theme = now === "dark" ? "light" : "dark";
  look.read();
}

$("#help").addEventListener("click", () => $("#keys").showModal());
for (const dialog of document.querySelectorAll("dialog")) {
  dialog.querySelector(".close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close()); // beside the panel
}

// -- the loop -----------------------------------------------------------------------------------------------------------

const took = [];

function draw() {
  const began = performance.now();
  if (!$("#play").hidden) play.draw();
  else script?.draw?.();
  look.changed = false;
  took.push(performance.now() - began);
  if (took.length >= FRAMES) {
    took.sort((a, b) => a - b);
    document.body.dataset.frame = took[Math.floor(0.95 * FRAMES)].toFixed(2); // ms, 95th percentile
    took.length = 0;
  }
  requestAnimationFrame(draw);
}

feed.open();
open();
requestAnimationFrame(draw);
