/* Units: numbers, durations and states as words, each short enough for a box on a stage, in the language that is spoken. */

import { language } from "./words_play.js";

const formats = new Map();

/** Return a number with so many digits after its point, as the language writes it: 1,234.5 or 1.234,5. */
export function number(n, digits = 0) {
  const key = `${language()} ${digits}`;
  if (!formats.has(key)) {
    const fixed = { minimumFractionDigits: digits, maximumFractionDigits: digits };
    formats.set(key, new Intl.NumberFormat(language(), fixed));
  }
  return formats.get(key).format(n);
}

export const megabytes = (bytes) => (bytes ? `${number(bytes / 1e6)} MB` : "");

/** Return a duration in at most four digits, with its unit. */
export function duration(seconds) {
  if (!(seconds >= 0)) return "";
  if (seconds === 0) return `${number(0)} s`;
  if (seconds < 0.0009995) return `${number(1e6 * seconds)} µs`;
  if (seconds < 0.00995) return `${number(1e3 * seconds, 1)} ms`;
  if (seconds < 0.9995) return `${number(1e3 * seconds)} ms`;
  if (seconds < 9.95) return `${number(seconds, 1)} s`;
  return seconds < 120 ? `${number(seconds)} s` : `${number(seconds / 60)} min`;
}

/** Tell whether a process has ended as it should: "ended", and not "killed by signal 9" or "exit code 1". */
export const well = (how) => /^(ended|$)/.test(how);

/** Return the state of a life, as in the table of shapes.js. */
export function stateOf(life) {
  if (life.ended !== null) return well(life.how) ? "ended" : "killed";
  if (life.now) return "busy";
  return life.ready === null ? "starting" : "idle";
}
