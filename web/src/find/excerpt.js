// The sentence around what was found, cut where it is too long: the rules of hearing/archive/excerpt.py.

const MAX_EXCERPT = 320;
const BEFORE = 120;
const END = /[.!?؟۔…]["”»’)]*\s+(?![a-zà-öø-ÿа-я])|[。！？]+[」』”’]*/gu;
// A full stop after one or two letters is an abbreviation (Ms., No.).
const ABBREVIATION = /(?:^|[^\p{L}\p{N}_])(?:\p{L}|[A-ZА-Я]\p{L}|[Aa]rt|[Mm]rs)$/u;

/**
 * @typedef {{start: number, end: number, cutBefore: boolean, cutAfter: boolean}} Excerpt
 * text.slice(start, end); `cutBefore`, `cutAfter`: it begins or ends inside a sentence
 */

/**
 * Choose the sentences from the first span to the last that fits; without spans, the beginning.
 * @param {string} text @param {import("./wanted.js").Span[]} spans @returns {Excerpt}
 */
export function around(text, spans) {
  const first = spans[0] ?? [0, 0];
  const edges = [0, ...ends(text), text.length];
  const start = Math.max(...edges.filter((edge) => edge <= first[0]));
  let end = Math.min(...edges.filter((edge) => edge >= first[1]));
  for (const [, last] of spans) {
    const wider = Math.min(...edges.filter((edge) => edge >= last));
    if (wider - start <= MAX_EXCERPT) end = Math.max(end, wider);
  }
  if (end - start <= MAX_EXCERPT) return {start, end, cutBefore: false, cutAfter: false};
  return cut(text, first, start, end);
}

/** @param {string} text */
const ends = (text) =>
  [...text.matchAll(END)]
    .filter((found) => found[0][0] !== "." || !ABBREVIATION.test(text.slice(0, found.index)))
    .map((found) => found.index + found[0].length);

/** @param {string} text @param {import("./wanted.js").Span} span @param {number} start @param {number} end */
function cut(text, span, start, end) {
  const begin = span[0] - start <= BEFORE ? start : nextWord(text, span[0] - BEFORE, span[0]);
  let finish = Math.min(end, Math.max(begin + MAX_EXCERPT, span[1]));
  if (finish < end) {
    const space = text.lastIndexOf(" ", finish - 1);
    if (space >= span[1]) finish = space;
  }
  return {start: begin, end: finish, cutBefore: begin > start, cutAfter: finish < end};
}

/** @param {string} text @param {number} at @param {number} before */
function nextWord(text, at, before) {
  const space = text.indexOf(" ", at);
  return space >= 0 && space < before ? space + 1 : at;
}
