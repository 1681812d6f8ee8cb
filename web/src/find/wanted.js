// What somebody looks for: the rules of hearing/archive/query.py and excerpt.py.

import {isIdeographic, tokens} from "./terms.js";

/** @typedef {{said: string, terms: string[], open: boolean}} Phrase its last term may go on where it is `open` */
/** @typedef {[start: number, end: number]} Span */

const MAX_QUERY = 200;
const MAX_PHRASES = 12;
const QUOTES = '"“”«»„「」『』';
const PART = new RegExp(`[${QUOTES}]([^${QUOTES}]*)[${QUOTES}]|([^\\s${QUOTES}]+)`, "gu");

/** Read a query: all its words and “phrases” must be there. @param {string} text @param {string} language @returns {Phrase[]} */
export function parse(text, language) {
  /** @type {Map<string, Phrase>} */
  const phrases = new Map();
  for (const match of [...text].slice(0, MAX_QUERY).join("").matchAll(PART)) {
    const said = (match[1] || match[2] || "").split(/\s+/u).filter(Boolean).join(" ");
    const phrase = phraseOf(said, tokens(said, language));
    const key = phrase.terms.join(" ");
    if (key && !phrases.has(key)) phrases.set(key, phrase);
  }
  return [...phrases.values()].slice(0, MAX_PHRASES);
}

/**
 * Where in a text the phrases stand, in order, apart.
 * @param {string} text @param {string} language @param {Phrase[]} phrases @returns {Span[]}
 */
export function marks(text, language, phrases) {
  const said = tokens(text, language);
  const spans = phrases.flatMap((phrase) => found(said, phrase)).sort(([one], [other]) => one - other);
  /** @type {Span[]} */
  const apart = [];
  for (const [start, end] of spans) {
    const last = apart.at(-1);
    if (last && start <= last[1]) last[1] = Math.max(last[1], end);
    else apart.push([start, end]);
  }
  return apart;
}

/** @param {string} said @param {import("./terms.js").Token[]} given @returns {Phrase} */
function phraseOf(said, given) {
  const last = given.at(-1);
  const alone = last !== undefined && [...last.term].length === 1 && isIdeographic(last.term);
  const goesOn = last !== undefined && given.length > 1 && given[given.length - 2].end > last.start;
  const kept = alone && goesOn ? given.slice(0, -1) : given;
  return {said, terms: kept.map((one) => one.term), open: alone && !goesOn};
}

/** @param {import("./terms.js").Token[]} said @param {Phrase} phrase @returns {Span[]} */
function found(said, {terms, open}) {
  /** @type {Span[]} */
  const spans = [];
  for (let at = 0; at + terms.length <= said.length; at++) {
    const here = said.slice(at, at + terms.length);
    const fits = here.every(({term}, n) =>
      open && n === terms.length - 1 ? term.startsWith(terms[n]) : term === terms[n]);
    const last = here[here.length - 1];
    const end = open ? last.start + (String.fromCodePoint(Number(terms.at(-1)?.codePointAt(0))).length) : last.end;
    if (fits) spans.push([here[0].start, end]);
  }
  return spans;
}
