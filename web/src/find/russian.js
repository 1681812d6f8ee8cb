// The Russian stemmer (https://snowballstem.org/algorithms/russian/stemmer.html), for words without ё.

import {cut, ending, endings, region} from "./stem.js";

const VOWELS = "аеиоуыэюя";
const GERUNDS_A = "в вши вшись";
const GERUNDS = endings(`${GERUNDS_A} ив ыв ивши ывши ившись ывшись`);
const ADJECTIVES = endings("ее ие ое ые ими ыми ей ий ой ый ем им ом ым его ого ему ому их ых ею ою ую юю ая яя");
const PARTICIPLES_A = "ем нн вш щ ющ";
const PARTICIPLES = endings(`${PARTICIPLES_A} ивш ывш ующ`);
const VERBS_A = "ла на ете йте ли й л ем н ло но нно ет ют ны ть ешь";
const VERBS = endings(
  `${VERBS_A} ила ыла ена ите ейте уйте или ыли ей уй ил ыл им ым ен ило ыло ено ует ит ыт уют ят ены ить ыть ишь ю ую`,
);
const NOUNS = endings(
  "а ев ов е ие ье и еи ии ами ями иями й ей ией ий ой ам ем ием ом ям иям о у ах ях иях ы ь ю ию ью я ия ья",
);
const NEED_A = new Set(`${GERUNDS_A} ${PARTICIPLES_A} ${VERBS_A}`.split(" "));

/** @param {string} given @returns {string} */
export function russian(given) {
  const vowel = [...given].findIndex((letter) => VOWELS.includes(letter));
  const verb = vowel < 0 ? given.length : vowel + 1;
  const second = region(given, VOWELS, region(given, VOWELS));
  let word = inflected(given, verb);
  if (word.length > verb && word.endsWith("и")) word = cut(word, 1);
  const derivation = ending(word, ["ость", "ост"], verb);
  if (derivation && second <= word.length - derivation.length) word = cut(word, derivation.length);
  return tidy(word, verb);
}

/** @param {string} word @param {number} verb */
function inflected(word, verb) {
  const gerund = without(word, GERUNDS, verb);
  if (gerund !== word) return gerund;
  const reflexive = cut(word, ending(word, ["сь", "ся"], verb).length);
  const adjective = cut(reflexive, ending(reflexive, ADJECTIVES, verb).length);
  if (adjective !== reflexive) return without(adjective, PARTICIPLES, verb);
  const other = without(reflexive, VERBS, verb);
  return other === reflexive ? cut(reflexive, ending(reflexive, NOUNS, verb).length) : other;
}

/** Take an ending off; some need а or я before them. @param {string} word @param {string[]} known @param {number} verb */
function without(word, known, verb) {
  const found = ending(word, known, verb);
  const stem = cut(word, found.length);
  return NEED_A.has(found) && !(stem.length > verb && /[ая]$/.test(stem)) ? word : stem;
}

/** @param {string} word @param {number} verb */
function tidy(word, verb) {
  const superlative = ending(word, ["ейше", "ейш"], verb);
  const stem = cut(word, superlative.length);
  if (stem.endsWith("нн") && stem.length - 2 >= verb) return cut(stem, 1);
  return !superlative && word.length > verb && word.endsWith("ь") ? cut(word, 1) : stem;
}
