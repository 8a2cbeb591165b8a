/* Places: where on its stage each process stands. Pure geometry: from the order of birth to a point.
 *
 *     few births: one stair            many births: stair beside stair          workers: boxes in a grid
 *            o 4713                          o   o   o                            +----+ +----+
 *         o 4712                            o   o   o   o                         +----+ +----+
 *      o 4711                              o   o   o   o                          +----+
 *
 * A stair has a camera: the step (or the stair) that stands at the left. It follows the births, so the oldest leave at the
 * left and the newest are always in sight. `still` is for readers who want no motion: there the camera stays, and the
 * newest take the places of the oldest.
 */

export const DOTS = 240; // processes per request that are drawn on a stage; those before them have long faded
export const FLAT = 4; // heights of type: a stage that is no higher has no room for keepers, nor for captions
const KEEPERS = 1.3; // height of their row
export const LOW = 0.85; // height of the lowest box that can have an id in it, in heights of type: digits hang over nothing
const NARROW = 3.7; // and width of the narrowest
const WIDE = 2.4; // width over height of a box: its words stand beside its number

/** Return where on a stage visitors wait, those stand that serve nobody themselves, and all others: {crowd, keepers, stairs,
 * boxes}. The keepers have a row of their own, unless the stage is flat, or their place lets all workers be named. */
export function areasOf(width, height, type, keepers, workers) {
  const left = Math.max(4.3 * type, 0.16 * width);
  const [x, w] = [left + 0.6 * type, Math.max(8, width - left - 0.6 * type)];
  const boxes = (row) => ({ x: x + 2, y: 4, w: w - 6, h: Math.max(2, height - row - 8) });
  const flat = height <= FLAT * type;
  const named = (row) => grid(workers, boxes(row), type).named;
  const row = keepers && !flat && (named(KEEPERS * type) || !named(0)) ? KEEPERS * type : 0;
  return {
    crowd: { x: 0, y: 4, w: left, h: Math.max(2, height - (flat ? 8 : 1.5 * type)) },
    keepers: { x, y: height - row, w, h: row },
    stairs: { x, y: 4, w, h: Math.max(2, height - row - 12) },
    boxes: boxes(row),
  };
}

/** Return how many boxes stand across and down, so that an id fits, and each is as near to WIDE as can be: {places, named},
 * and whether an id does fit. */
export function grid(many, area, type) {
  let best, least = Infinity;
  for (let across = 1; across <= Math.max(1, many); across++) {
    const down = Math.max(1, Math.ceil(many / across));
    const [w, h] = [area.w / across, area.h / down].map((size) => size - gapOf(area, [across, down], type));
    const mute = (w < NARROW * type) + (h < LOW * type);
    const off = Math.abs(Math.log(area.w / across / (area.h / down) / WIDE)) + 10 * mute + (across * down - many) * 0.1;
    if (off < least) [best, least] = [{ places: [across, down], named: !mute }, off];
  }
  return best;
}

/** Return the gap between boxes: small where they are small. */
export function gapOf(area, [across, down], type) {
  return Math.min(0.35 * type, 0.12 * Math.min(area.w / across, area.h / down));
}

/** Few births: one stair, a step for each, and room for its words. The camera is the step at the bottom. */
export function stair(area, { type, still }) {
  const steps = Math.max(2, Math.floor(area.h / (1.3 * type)));
  const [dx, dy] = [Math.max(0, area.w - 8.2 * type) / steps, area.h / steps];
  const radius = 0.42 * type;
  const home = (births) => (still ? 0 : Math.max(0, births + 1 - steps)); // one step free, for who comes meanwhile
  const place = (n, camera, births) => {
    if (still ? births - n > steps : n - camera <= -1) return null;
    const step = still ? n % steps : n - camera;
    return { x: area.x + radius + step * dx, y: area.y + area.h - (step + 0.5) * dy, radius };
  };
  return { home, place };
}

/** Many births: stair beside stair. The camera is the stair at the left, and moves on as steadily as they are born. */
export function field(area, still) {
  const pitch = Math.sqrt((area.w * area.h) / (1.5 * DOTS));
  const steps = Math.max(4, Math.floor(area.h / pitch));
  const wide = 1.25 * pitch;
  const slant = (2.5 * wide) / steps;
  const stairs = Math.max(2, Math.floor((area.w - 2.5 * wide) / wide));
  const home = (births) => (still ? 0 : Math.max(0, births / steps - stairs));
  const place = (n, camera, births) => {
    const [stair, step] = [Math.floor(n / steps), n % steps];
    if (still ? births - n > (stairs - 1) * steps : stair - camera < -3) return null;
    const column = still ? stair % stairs : stair - camera;
    const [x, y] = [area.x + column * wide + step * slant + pitch / 2, area.y + area.h - (step + 0.5) * pitch];
    return { x, y, radius: 0.4 * pitch };
  };
  return { home, place };
}
