/* Units: numbers, durations and states as words, each short enough for a box on a stage. */

const DIGITS = new Intl.NumberFormat("en-GB");

export const number = (n) => (n < 1000 ? `${n}` : DIGITS.format(n));
export const megabytes = (bytes) => (bytes ? `${Math.round(bytes / 1e6)} MB` : "");

/** Return a duration in at most four digits, with its unit. */
export function duration(seconds) {
  if (!(seconds >= 0)) return "";
  if (seconds < 0.0009995) return `${Math.round(1e6 * seconds)} µs`;
  if (seconds < 0.00995) return `${(1e3 * seconds).toFixed(1)} ms`;
  if (seconds < 0.9995) return `${Math.round(1e3 * seconds)} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  return seconds < 120 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
}

/** Tell whether a process has ended as it should: "ended", and not "killed by signal 9" or "exit code 1". */
export const well = (how) => /^(ended|$)/.test(how);

/** Return the state of a life, as in the table above. */
export function stateOf(life) {
  if (life.ended !== null) return well(life.how) ? "ended" : "killed";
  if (life.now) return "busy";
  return life.ready === null ? "starting" : "idle";
}
