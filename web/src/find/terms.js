// Words to search terms: the rules of hearing/archive/analyse.py, held to it by tests/archive/vectors.json.

import {english} from "./english.js";
import {french} from "./french.js";
import {russian} from "./russian.js";
import {spanish} from "./spanish.js";

/** @typedef {{term: string, start: number, end: number}} Token text.slice(start, end) is what the term stands for */

export const VERSION = 1;
const MAX_WORD = 64;

const CJK = "\\u3400-\\u4dbf\\u4e00-\\u9fff\\uf900-\\ufaff\\u{20000}-\\u{3134f}";
const MARKS = "\\u0300-\\u036f\\u0610-\\u061a\\u0640\\u064b-\\u065f\\u0670\\u06d6-\\u06ed";
const LETTER = `(?![${CJK}])[\\p{L}\\p{N}]`;
const WORD = new RegExp(`[${CJK}]+|${LETTER}(?:${LETTER}|[${MARKS}])*`, "gu");
const IDEOGRAPH = new RegExp(`^[${CJK}]`, "u");
const ELISION = /(?:l|d|j|m|t|s|c|n|qu|jusqu|lorsqu|puisqu)['’]/giu;
const INSIDE = /[\p{L}\p{N}_]$/u;
const NO_LETTER = /[^\p{L}\p{N}]/gu;
// Marks that stand on a letter. U+034F joins letters and is none of them (its combining class is 0).
const MARK = /(?!\u034f)\p{M}/gu;
const ARABIC_MARK = /[\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06ed]/g;
const ARABIC_FOLDED = new Map([..."أإآٱىةؤئ٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹"].map((from, at) => [from, "اااايهوي01234567890123456789"[at]]));
const ARABIC_PREFIX = /^(?:وال|فال|بال|كال|ولل|فلل|لل|ال|وب|ول|و|ف|ب|ل|ك)(?=.{3,})/u;
const ARABIC_SUFFIX = /^(.{3,}?)(?:هما|هم|هن|ها|كم|نا|ات|ان|ون|ين|يه|ه|ي)$/u;

/** @type {Record<string, (word: string) => string>} */
const STEMMERS = {en: english, fr: french, es: (word) => spanish(word.replace(/([dt])ades$/, "$1ad"))};

/** The terms of a text in its order. @param {string} given @param {string} language @returns {Token[]} */
export function tokens(given, language) {
  const text = language === "fr" ? given.replace(ELISION, withoutElision) : given;
  /** @type {Token[]} */
  const found = [];
  for (const match of text.matchAll(WORD)) {
    if (isIdeographic(match[0])) pairs(match[0], match.index, found);
    else {
      const term = termOf(match[0], language);
      if (term) found.push({term, start: match.index, end: match.index + match[0].length});
    }
  }
  return found;
}

/** @param {string} found @param {number} at @param {string} text */
const withoutElision = (found, at, text) =>
  INSIDE.test(text.slice(Math.max(0, at - 2), at)) ? found : " ".repeat(found.length);

/** Whether a term is one or two characters of a run of Chinese. @param {string} term */
export const isIdeographic = (term) => IDEOGRAPH.test(term);

/** The term of one word. @param {string} given @param {string} language @returns {string} */
export function termOf(given, language) {
  const word = [...given].slice(0, MAX_WORD).join("").normalize("NFKC").toLowerCase();
  return script(word, language).replace(NO_LETTER, "");
}

/** @param {string} word @param {string} language */
function script(word, language) {
  if (word >= "\u0600" && word < "\u0700") return arabic(word);
  if (word >= "\u0400" && word < "\u0500") return russian(word.replace(MARK, "").replaceAll("ё", "е"));
  const bare = word.normalize("NFD").replace(MARK, "").replaceAll("œ", "oe").replaceAll("æ", "ae");
  return STEMMERS[language]?.(bare) ?? bare;
}

/** @param {string} given */
function arabic(given) {
  const folded = given.replace(ARABIC_MARK, "").replace(/./gu, (letter) => ARABIC_FOLDED.get(letter) ?? letter);
  const word = folded.replace(ARABIC_PREFIX, "");
  return [...word].length > 4 ? word.replace(ARABIC_SUFFIX, "$1") : word;
}

/** Overlapping pairs, the last character alone. @param {string} run @param {number} at @param {Token[]} found */
function pairs(run, at, found) {
  const characters = [...run];
  const whole = [...run.normalize("NFKC")];
  const folded = whole.length === characters.length ? whole : characters;
  let start = at;
  characters.forEach((character, n) => {
    const length = character.length + (characters[n + 1]?.length ?? 0);
    found.push({term: folded.slice(n, n + 2).join(""), start, end: start + length});
    start += character.length;
  });
}
