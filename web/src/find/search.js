// Searches the site: hits in order, counts to narrow by, and a reason where there is none. It answers as the server does
// (hearing/archive/lookup.py), but for the length of passages, which here counts nothing: they are all of about one length.

import {around} from "./excerpt.js";
import {get} from "./shards.js";
import {marks, parse} from "./wanted.js";

/**
 * @typedef {{text: string, language: string, body: string, dialogue: string, meeting: string, from: string, to: string,
 *   newest: boolean}} Wanted `from` and `to` are days in Geneva, both included
 * @typedef {{language: string, passage: number, channel: import("./shards.js").Channel, score: number}} Match
 * @typedef {[key: string, hits: number]} Count
 * @typedef {{code: string, languages?: Count[], excluded?: number, missing?: string[]}} Reason
 * @typedef {{matches: Match[], meetings: number, languages: Count[], bodies: Count[], dialogues: Count[],
 *   reason: Reason | null, phrases: Record<string, import("./wanted.js").Phrase[]>}} Found
 * @typedef {{text: string, marks: import("./wanted.js").Span[], t0: number, n: number, cutBefore: boolean,
 *   cutAfter: boolean, state: number}} Hit `state`: 0 machine, 1 corrected, 2 verified; of several passages, the least
 */

const APART_MS = 5000;
const SATURATION = 1.2;
const DAY = new Intl.DateTimeFormat("sv-SE", {timeZone: "Europe/Zurich"});

/** @param {import("./shards.js").Shards} shards @param {Wanted} wanted @returns {Promise<Found>} */
export async function search(shards, wanted) {
  const {languages, meetings} = shards.directory;
  const known = Object.keys(languages);
  const phrases = Object.fromEntries(known.map((language) => [language, parse(wanted.text, language)]));
  const asked = known.filter((language) => phrases[language].length);
  if (!asked.length) return empty(known.length || !wanted.text ? {code: "no-words"} : {code: "no-text"}, phrases);
  const maps = Object.fromEntries(await Promise.all(asked.map(async (language) =>
    [language, await Promise.all(phrases[language].map((phrase) => shards.find(language, phrase)))])));
  const everything = asked.flatMap((language) => matches(languages[language], language, maps[language]));
  const passes = filter(meetings, wanted);
  const kept = everything.filter((one) => passes(one, ""));
  kept.sort(order(meetings, wanted.newest));
  const by = (/** @type {keyof Wanted} */ name, /** @type {(one: Match) => string} */ key) =>
    counted(everything.filter((one) => passes(one, name)), key);
  const elsewhere = by("language", (one) => one.language);
  return {
    matches: kept,
    meetings: new Set(kept.map((one) => one.channel[0])).size,
    languages: elsewhere,
    bodies: by("body", (one) => meetings[one.channel[0]][3]),
    dialogues: by("dialogue", (one) => meetings[one.channel[0]][4]),
    reason: kept.length ? null : because(wanted, known, elsewhere, everything.length, phrases, maps),
    phrases,
  };
}

/**
 * Fetch what a match shows: its sentence, with what was found in it.
 * @param {string} texts @param {import("./shards.js").Directory} directory @param {Match} match
 * @param {import("./wanted.js").Phrase[]} phrases @returns {Promise<Hit>}
 */
export async function hit(texts, directory, match, phrases) {
  const [meeting, channel, language, , base] = match.channel;
  const n = match.passage - base;
  const file = `${texts}/${directory.meetings[meeting][0]}/${channel}/${Math.floor(n / directory.step)}.json`;
  /** @type {[n: number, t0: number, t1: number, text: string, mark: number][]} */
  const lines = await (await get(file, "no-cache")).json();
  const here = lines.find((one) => one[0] === n);
  if (!here) throw new Error("gone");
  const before = lines.find((one) => one[0] === n - 1 && here[1] - one[2] < APART_MS);
  const after = lines.find((one) => one[0] === n + 1 && one[1] - here[2] < APART_MS);
  const space = /^(zh|ja|yue|th|lo|my|km)\b/.test(language) ? "" : " ";
  const parts = [before, here, after].flatMap((one) => (one ? [one] : []));
  const text = parts.map((one) => one[3]).join(space);
  const begins = before ? before[3].length + space.length : 0;
  const own = marks(here[3], match.language, phrases);
  const part = around(text, own.map(([start, end]) => [start + begins, end + begins]));
  const shown = text.slice(part.start, part.end).trimEnd();
  return {text: shown, marks: marks(shown, match.language, phrases), t0: here[1], n, cutBefore: part.cutBefore, cutAfter: part.cutAfter, state: stateOf(parts, space.length, part)};
}

/**
 * Return the least mark of the passages that the shown part of their joined text reaches into.
 * @param {[n: number, t0: number, t1: number, text: string, mark: number][]} parts @param {number} space
 * @param {{start: number, end: number}} shown
 */
function stateOf(parts, space, shown) {
  let [start, least] = [0, 2];
  for (const [, , , text, mark] of parts) {
    const end = start + text.length;
    if (start < shown.end && end > shown.start) least = Math.min(least, mark);
    start = end + space;
  }
  return least;
}

/** @param {import("./shards.js").Language} held @param {string} language @param {Map<number, number>[]} maps @returns {Match[]} */
function matches(held, language, maps) {
  const rarest = maps.reduce((one, other) => (other.size < one.size ? other : one));
  const weights = maps.map((map) => Math.max(1e-6, Math.log((held.passages - map.size + 0.5) / (map.size + 0.5))));
  const inAll = [...rarest.keys()].filter((passage) => maps.every((map) => map.has(passage)));
  return inAll.map((passage) => {
    const score = maps.reduce((sum, map, n) => {
      const often = map.get(passage) ?? 0;
      return sum + weights[n] * (often * (SATURATION + 1)) / (often + SATURATION);
    }, 0);
    return {language, passage, channel: channelOf(held.channels, passage), score};
  });
}

/** @param {import("./shards.js").Channel[]} channels @param {number} passage */
function channelOf(channels, passage) {
  let [low, high] = [0, channels.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (channels[middle][4] <= passage) low = middle;
    else high = middle - 1;
  }
  return channels[low];
}

/** Tell what passes the filters, but for one of them. @param {import("./shards.js").Meeting[]} meetings @param {Wanted} wanted */
function filter(meetings, wanted) {
  const days = meetings.map((meeting) => DAY.format(meeting[6]));
  return (/** @type {Match} */ {language, channel}, /** @type {string} */ but) => {
    const [id, , body, committee, dialogue] = meetings[channel[0]];
    const is = (/** @type {"language" | "body" | "dialogue" | "meeting"} */ name, /** @type {string[]} */ values) =>
      name === but || !wanted[name] || values.includes(wanted[name]);
    return is("language", [language]) && is("body", [body, committee]) && is("dialogue", [dialogue]) && is("meeting", [id])
      && (!wanted.from || days[channel[0]] >= wanted.from) && (!wanted.to || days[channel[0]] <= wanted.to);
  };
}

/** @param {import("./shards.js").Meeting[]} meetings @param {boolean} newest */
const order = (meetings, newest) => (/** @type {Match} */ one, /** @type {Match} */ other) =>
  (newest ? 0 : other.score - one.score)
  || meetings[other.channel[0]][6] - meetings[one.channel[0]][6]
  || other.passage - one.passage;

/** @param {Match[]} found @param {(one: Match) => string} key @returns {Count[]} */
function counted(found, key) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const one of found) counts.set(key(one), (counts.get(key(one)) ?? 0) + 1);
  counts.delete("");
  return [...counts].sort(([, one], [, other]) => other - one);
}

/**
 * Why there is nothing: the first of these that is true is the one to mend.
 * @param {Wanted} wanted @param {string[]} known @param {Count[]} elsewhere @param {number} excluded
 * @param {Record<string, import("./wanted.js").Phrase[]>} phrases @param {Record<string, Map<number, number>[]>} maps
 * @returns {Reason}
 */
function because(wanted, known, elsewhere, excluded, phrases, maps) {
  const asked = wanted.language ? [wanted.language] : known;
  if (!asked.some((language) => known.includes(language))) return {code: "no-text", languages: elsewhere};
  if (elsewhere.length) return {code: "other-languages", languages: elsewhere};
  if (excluded) return {code: "filters", excluded};
  /** @type {Map<string, boolean>} */
  const there = new Map();
  for (const language of asked) {
    phrases[language]?.forEach(({said}, n) => there.set(said, there.get(said) || Boolean(maps[language][n].size)));
  }
  const missing = [...there].filter(([, found]) => !found).map(([said]) => said);
  return missing.length ? {code: "missing-words", missing} : {code: "words-apart"};
}

/** @param {Reason} reason @param {Record<string, import("./wanted.js").Phrase[]>} phrases @returns {Found} */
const empty = (reason, phrases) =>
  ({matches: [], meetings: 0, languages: [], bodies: [], dialogues: [], reason, phrases});
