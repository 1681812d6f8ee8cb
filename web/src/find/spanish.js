// The Spanish stemmer (https://snowballstem.org/algorithms/spanish/stemmer.html), for words without accents.

import {cut, ending, endings, region} from "./stem.js";

const VOWELS = "aeiou";
const PRONOUNS = endings("la sela le me se lo selo las selas les los selos nos");
const BEFORE_PRONOUNS = endings("ando iendo yendo ar er ir");
const CUT = "ica osa ista anza able ible ico ismo oso amiento imiento icas osas istas anzas ables ibles icos ismos osos amientos imientos";
const IC = "ancia adora ante acion ador ancias adoras aciones adores antes";
const SUFFIXES = endings(
  `${CUT} ${IC} ucion uciones encia encias amente mente idad idades iva ivo ivas ivos`,
);
const Y_VERBS = endings("ya ye yan yen yeron yendo yo yas yes yais yamos");
const VERBS = endings(
  "aba ada ida ara iera ad ed id ase iese aste iste an aban aran ieran en asen iesen aron ieron ado ido ando iendo ar er " +
  "ir as abas adas idas aras ieras es ases ieses abais arais ierais aseis ieseis asteis isteis ados idos amos emos " +
  "aremos eremos iremos imos",
);

/** @param {string} given @returns {string} */
export function spanish(given) {
  const verb = verbRegion(given);
  const first = region(given, VOWELS);
  const second = region(given, VOWELS, first);
  const word = withoutPronoun(given, verb);
  return residue(suffix(word, first, second) ?? yVerb(word, verb) ?? otherVerb(word, verb), verb);
}

/** @param {string} word */
function verbRegion(word) {
  const isVowel = (/** @type {number} */ at) => at < word.length && VOWELS.includes(word[at]);
  if (word.length < 2) return word.length;
  let at = 2;
  if (!isVowel(1)) while (at < word.length && !isVowel(at)) at++;
  else if (isVowel(0)) while (isVowel(at)) at++;
  return Math.min(word.length, at + 1);
}

/** @param {string} word @param {number} verb */
function withoutPronoun(word, verb) {
  const stem = cut(word, ending(word, PRONOUNS).length);
  const found = stem === word ? "" : ending(stem, BEFORE_PRONOUNS);
  if (!found || verb > stem.length - found.length) return word;
  return found !== "yendo" || cut(stem, 5).endsWith("u") ? stem : word;
}

/** @param {string} word @param {number} first @param {number} second @returns {string | null} */
function suffix(word, first, second) {
  const found = ending(word, SUFFIXES);
  const stem = cut(word, found.length);
  /** @param {string} known @param {string} [rest] */
  const without = (known, rest = stem) => {
    const more = ending(rest, endings(known));
    return more && second <= rest.length - more.length ? cut(rest, more.length) : rest;
  };
  if (!found || (found === "amente" ? first : second) > stem.length) return null;
  switch (found) {
    case "ucion": case "uciones": return stem + "u";
    case "encia": case "encias": return stem + "ente";
    case "amente": {
      const rest = without("ic ad os iv");
      return rest !== stem && stem.endsWith("iv") ? without("at", rest) : rest;
    }
    case "mente": return without("able ible ante");
    case "idad": case "idades": return without("ic abil iv");
    case "iva": case "ivo": case "ivas": case "ivos": return without("at");
    default: return IC.split(" ").includes(found) ? without("ic") : stem;
  }
}

/** @param {string} word @param {number} verb @returns {string | null} */
function yVerb(word, verb) {
  const found = ending(word, Y_VERBS, verb);
  const stem = cut(word, found.length);
  return found && stem.endsWith("u") ? stem : null;
}

/** @param {string} word @param {number} verb */
function otherVerb(word, verb) {
  const found = ending(word, VERBS, verb);
  const stem = cut(word, found.length);
  return /^(en|es|emos)$/.test(found) && stem.endsWith("gu") ? cut(stem, 1) : stem;
}

/** @param {string} word @param {number} verb */
function residue(word, verb) {
  const found = /(os|[aeo])$/.exec(word)?.[0] ?? "";
  const stem = cut(word, found.length);
  if (!found || verb > stem.length) return word;
  return found === "e" && stem.endsWith("gu") && verb <= stem.length - 1 ? cut(stem, 1) : stem;
}
