// The French stemmer (https://snowballstem.org/algorithms/french/stemmer.html), for words without accents.

import {cut, ending, endings, isConsonant, region} from "./stem.js";

const VOWELS = "aeiouy";
const PLAIN = "iqUe ance able isme iste eux iqUes ances ables ismes istes";
const ACTORS = "atrice ateur ation atrices ateurs ations";
const SUFFIXES = endings(
  `${PLAIN} ${ACTORS} logie logies usion usions ution utions ence ences ement ements ive ives if ifs eaux aux oux euse ` +
  "euses issement issements amment emment ment ments",
);
const I_VERBS = endings(
  "ira ie isse issante i irai ir iras ies isses issantes is irais issais irions issions irons issons issants it irait " +
  "issait issant iraIent issaIent irent issent iront iriez issiez irez issez",
);
const VERBS_CUT = "era erai er eras eais erais erions erons erait eraIent eront ez iez eriez erez";
const VERBS_A = "a asse ante ai as asses antes assions ants ait ant aIent assent assiez";
const VERBS = endings(`${VERBS_CUT} ${VERBS_A} ions aise aises ais`);
const A = new Set(VERBS_A.split(" "));
const RESIDUES = endings("e ion Ier ier");

/** @param {string} given @returns {string} */
export function french(given) {
  const word = marked(given);
  const verb = verbRegion(word);
  const first = region(word, VOWELS);
  const second = region(word, VOWELS, first);
  let [stem, done] = suffix(word, verb, first, second);
  if (!done) [stem, done] = iVerb(stem, verb);
  if (!done) [stem, done] = otherVerb(stem, verb, second);
  stem = done ? stem.replace(/Y$/, "i") : residue(stem, verb, second);
  if (/(ell|eill|enn|onn|ett)$/.test(stem)) stem = cut(stem, 1);
  return stem.replace(/[IUY]/g, (letter) => letter.toLowerCase());
}

/** Write u, i and y as capitals where they are no vowels. @param {string} word */
function marked(word) {
  const letters = [...word];
  const isVowel = (/** @type {number} */ at) => at < letters.length && VOWELS.includes(letters[at]);
  for (let at = 0; at < letters.length;) {
    const next = letters[at + 1];
    if (isVowel(at) && (next === "u" || next === "i") && isVowel(at + 2)) letters[at + 1] = next.toUpperCase();
    else if (isVowel(at) && next === "y") letters[at + 1] = "Y";
    else if (letters[at] === "y" && isVowel(at + 1)) letters[at] = "Y";
    else if (letters[at] === "q" && next === "u") letters[at + 1] = "U";
    else at++;
  }
  return letters.join("");
}

/** @param {string} word */
function verbRegion(word) {
  if (/^([aeiouy]{2}.|col|par|tap|ni[aeiouy])/.test(word)) return 3;
  const found = word.slice(1).search(/[aeiouy]/);
  return found < 0 ? word.length : found + 2;
}

/** @param {string} word @param {number} verb @param {number} first @param {number} second @returns {[string, boolean]} */
function suffix(word, verb, first, second) {
  const found = ending(word, SUFFIXES);
  const stem = cut(word, found.length);
  const at = stem.length;
  /** @param {number} from @param {string} made @returns {[string, boolean]} */
  const within = (from, made) => (from <= at ? [made, true] : [word, false]);
  switch (found) {
    case "": return [word, false];
    case "eaux": return [stem + "eau", true];
    case "aux": return within(first, stem + "al");
    case "oux": return /[bhjlnp]$/.test(stem) ? [stem + "ou", true] : [word, false];
    case "euse": case "euses": return second <= at ? [stem, true] : within(first, stem + "eux");
    case "issement": case "issements": return isConsonant(stem, at - 1, VOWELS) ? within(first, stem) : [word, false];
    case "amment": return [verb <= at ? stem + "ant" : word, false];
    case "emment": return [verb <= at ? stem + "ent" : word, false];
    case "ment": case "ments": return [/[aeiouy]$/.test(stem) && verb <= at - 1 ? stem : word, false];
    case "ement": case "ements": return within(verb, before(stem, first, second));
    case "logie": case "logies": return within(second, stem + "log");
    case "usion": case "usions": case "ution": case "utions": return within(second, stem + "u");
    case "ence": case "ences": return within(second, stem + "ent");
    case "if": case "ifs": case "ive": case "ives": {
      const rest = drop(stem, "at", second);
      return within(second, rest === stem ? stem : ic(rest, second));
    }
    default: return within(second, ACTORS.split(" ").includes(found) ? ic(stem, second) : stem);
  }
}

/** What may stand before -ement. @param {string} stem @param {number} first @param {number} second */
function before(stem, first, second) {
  const rest = drop(stem, "iv", second);
  if (rest !== stem) return drop(rest, "at", second);
  if (stem.endsWith("eus")) {
    const at = stem.length - 3;
    if (second <= at) return cut(stem, 3);
    return first <= at ? cut(stem, 1) + "x" : stem;
  }
  return drop(drop(stem, "abl", second), "iqU", second);
}

/** @param {string} stem @param {number} second */
function ic(stem, second) {
  if (!stem.endsWith("ic")) return stem;
  return second <= stem.length - 2 ? cut(stem, 2) : cut(stem, 1) + "qU";
}

/** Take an ending off where it stands in a region. @param {string} word @param {string} what @param {number} from */
const drop = (word, what, from) =>
  word.endsWith(what) && from <= word.length - what.length ? cut(word, what.length) : word;

/** @param {string} word @param {number} verb @returns {[string, boolean]} */
function iVerb(word, verb) {
  const found = ending(word, I_VERBS, verb);
  const stem = cut(word, found.length);
  const fits = found && stem.length > verb && isConsonant(stem, stem.length - 1, VOWELS);
  return fits ? [stem, true] : [word, false];
}

/** @param {string} word @param {number} verb @param {number} second @returns {[string, boolean]} */
function otherVerb(word, verb, second) {
  const found = ending(word, VERBS, verb);
  const stem = cut(word, found.length);
  if (!found) return [word, false];
  if (found === "ions") return second <= stem.length ? [stem, true] : [word, false];
  if (found.startsWith("ais")) return /^.al$|auv$/.test(stem) ? [word, false] : [stem, true];
  return [A.has(found) ? drop(stem, "e", verb) : stem, true];
}

/** @param {string} word @param {number} verb @param {number} second */
function residue(word, verb, second) {
  if (/[^aiosu]s$/.test(word)) word = cut(word, 1);
  const found = ending(word, RESIDUES, verb);
  const stem = cut(word, found.length);
  if (found === "e") return stem;
  if (found === "ion") return second <= stem.length && stem.length > verb && /[st]$/.test(stem) ? stem : word;
  return found ? stem + "i" : word;
}
