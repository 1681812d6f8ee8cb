// What the stemmers share. They follow the published Snowball algorithms (https://snowballstem.org/algorithms/), release
// 3.1, for words as the analyser gives them: small letters, without accents and apostrophes. So an ending with an accent
// cannot occur, and is not here.

/** List endings, longest first: the longest that fits is the one that counts. @param {string} text */
export const endings = (text) => text.split(" ").sort((one, other) => other.length - one.length);

/**
 * The longest ending of a word that begins at `from` or later; empty where none fits.
 * @param {string} word @param {string[]} known @param {number} [from]
 */
export const ending = (word, known, from = 0) =>
  known.find((one) => word.length - from >= one.length && word.endsWith(one)) ?? "";

/** A word without so many letters at its end. @param {string} word @param {number} letters */
export const cut = (word, letters) => word.slice(0, word.length - letters);

/**
 * Where the part begins after the first vowel and the consonant that follows it; the end where there is none.
 * @param {string} word @param {string} vowels @param {number} [from]
 */
export function region(word, vowels, from = 0) {
  let at = from;
  while (at < word.length && !vowels.includes(word[at])) at++;
  while (at < word.length && vowels.includes(word[at])) at++;
  return Math.min(word.length, at + 1);
}

/** Whether a letter is there and is no vowel. @param {string} word @param {number} at @param {string} vowels */
export const isConsonant = (word, at, vowels) => at >= 0 && at < word.length && !vowels.includes(word[at]);
