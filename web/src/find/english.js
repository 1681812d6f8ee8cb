// The English stemmer (https://snowballstem.org/algorithms/english/stemmer.html), for words without accents.

import {cut, ending, endings, isConsonant, region} from "./stem.js";

const VOWELS = "aeiouy";
const WHOLE = new Map(Object.entries({
  skis: "ski", skies: "sky", idly: "idl", gently: "gentl", ugly: "ugli", early: "earli", only: "onli", singly: "singl",
  sky: "sky", news: "news", howe: "howe", atlas: "atlas", cosmos: "cosmos", bias: "bias", andes: "andes",
}));
const BEGINNINGS = ["arsen", "commun", "emerg", "gener", "inter", "later", "organ", "past", "univers"];
const PLURALS = endings("ied s ies sses ss us");
const PAST = endings("ed eed ing edly eedly ingly");
const DOUBLE = /(bb|dd|ff|gg|mm|nn|pp|rr|tt)$/;
const SECOND = new Map(Object.entries({
  anci: "ance", enci: "ence", ogi: "og", li: "", bli: "ble", abli: "able", alli: "al", fulli: "ful", lessli: "less",
  ousli: "ous", entli: "ent", aliti: "al", biliti: "ble", iviti: "ive", tional: "tion", ational: "ate", alism: "al",
  ation: "ate", ization: "ize", izer: "ize", ator: "ate", iveness: "ive", fulness: "ful", ousness: "ous", ogist: "og",
}));
const THIRD = new Map(Object.entries({
  icate: "ic", ative: "", alize: "al", iciti: "ic", ical: "ic", tional: "tion", ational: "ate", ful: "", ness: "",
}));
const SECONDS = [...SECOND.keys()].sort((one, other) => other.length - one.length);
const THIRDS = [...THIRD.keys()].sort((one, other) => other.length - one.length);
const FOURTHS = endings("ic ance ence able ible ate ive ize iti al ism ion er ous ant ent ment ement");

/** @param {string} given @returns {string} */
export function english(given) {
  const known = WHOLE.get(given);
  if (known !== undefined || given.length < 3) return known ?? given;
  let word = given.replace(/^y/, "Y").replace(/([aeiouy])y/g, "$1Y");
  const first = BEGINNINGS.find((one) => word.startsWith(one))?.length ?? region(word, VOWELS);
  const second = region(word, VOWELS, first);
  word = plural(word);
  word = past(word, first);
  if (/[yY]$/.test(word) && word.length > 2 && isConsonant(word, word.length - 2, VOWELS)) word = cut(word, 1) + "i";
  word = derived(word, first, second);
  word = residue(word, first, second);
  return word.replaceAll("Y", "y");
}

/** @param {string} word */
function plural(word) {
  const found = ending(word, PLURALS);
  if (found === "sses") return cut(word, 2);
  if (found === "ied" || found === "ies") return cut(word, 3) + (word.length > 4 ? "i" : "ie");
  return found === "s" && /[aeiouy]/.test(cut(word, 2)) ? cut(word, 1) : word;
}

/** @param {string} word @param {number} first */
function past(word, first) {
  const found = ending(word, PAST);
  const stem = cut(word, found.length);
  if (!found) return word;
  if (found.startsWith("eed")) return first <= stem.length && !/^(succ|proc|exc)$/.test(stem) ? stem + "ee" : word;
  if (found === "ing") {
    if (/^[^aeiouy]y$/.test(stem)) return cut(stem, 1) + "ie";
    if (/^(even|cann|inn|earr|herr|out)$/.test(stem)) return word;
  }
  if (!/[aeiouy]/.test(stem)) return word;
  if (/(at|bl|iz)$/.test(stem)) return stem + "e";
  if (DOUBLE.test(stem)) return /^[aeo]..$/.test(stem) ? stem : cut(stem, 1);
  return stem.length === first && isShort(stem) ? stem + "e" : stem;
}

/** Whether a word ends in a short syllable. @param {string} word */
const isShort = (word) => /[^aeiouy][aeiouy][^aeiouywxY]$|^[aeiouy][^aeiouy]$|past$/.test(word);

/** @param {string} word @param {number} first @param {number} second */
function derived(word, first, second) {
  let found = ending(word, SECONDS);
  if (found && first <= word.length - found.length) {
    const stem = cut(word, found.length);
    const fits = found === "ogi" ? stem.endsWith("l") : found !== "li" || /[cdeghkmnrt]$/.test(stem);
    if (fits) word = stem + SECOND.get(found);
  }
  found = ending(word, THIRDS);
  const at = word.length - found.length;
  if (found && first <= at && (found !== "ative" || second <= at)) word = cut(word, found.length) + THIRD.get(found);
  return word;
}

/** @param {string} word @param {number} first @param {number} second */
function residue(word, first, second) {
  const found = ending(word, FOURTHS);
  const stem = cut(word, found.length);
  if (found && second <= stem.length && (found !== "ion" || /[st]$/.test(stem))) word = stem;
  const at = word.length - 1;
  const rest = cut(word, 1);
  if (word.endsWith("e") && (second <= at || (first <= at && !isShort(rest)))) return rest;
  return word.endsWith("ll") && second <= at ? rest : word;
}
