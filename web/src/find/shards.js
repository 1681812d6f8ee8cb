// Reads the index of the site: files of terms, fetched when they are asked for. hearing/archive/shards.py writes them.

/**
 * @typedef {[id: string, title: string, body: string, committee: string, dialogue: string, review: string, dayMs: number,
 *   zeroMs: number | null]} Meeting
 * @typedef {[meeting: number, channel: string, language: string, floor: boolean, base: number, passages: number]} Channel
 * @typedef {{passages: number, firsts: string[], channels: Channel[]}} Language
 * @typedef {{layout: number, analyser: number, step: number, meetings: Meeting[], languages: Record<string, Language>}}
 *   Directory
 * @typedef {{passages: number, list: Uint8Array | number}} Entry the list itself, or the number of the file it is in
 * @typedef {Map<number, number[]>} Places where a term stands, by passage
 */

export const LAYOUT = 1;

export class Shards {
  /** @param {string} base @param {Directory} directory */
  constructor(base, directory) {
    this.directory = directory;
    this.base = base;
    /** @type {Map<string, Promise<any>>} */
    this.fetched = new Map();
  }

  /** Open the index in a folder. @param {string} base */
  static async open(base) {
    return new Shards(base, await (await get(`${base}/index.json`)).json());
  }

  /**
   * In which passages a phrase stands, and how often in each.
   * @param {string} language @param {import("./wanted.js").Phrase} phrase @returns {Promise<Map<number, number>>}
   */
  async find(language, {terms, open}) {
    const entries = await Promise.all(terms.map((term, n) => this.#entries(language, term, open && n === terms.length - 1)));
    if (entries.some((one) => !one.length)) return new Map();
    const places = await Promise.all(entries.map((one) => this.#places(language, one)));
    return together(places);
  }

  /** The terms that are, or begin with, a term. @param {string} language @param {string} term @param {boolean} open */
  async #entries(language, term, open) {
    const {firsts} = this.directory.languages[language];
    let number = Math.max(0, firsts.findLastIndex((first) => first <= term));
    const wanted = [number];
    while (open && firsts[++number]?.startsWith(term)) wanted.push(number);
    const files = await Promise.all(wanted.map((one) => this.#once(`${language}/${one}.bin`, terms)));
    return files.flatMap((file) => [...file]).filter(([one]) => (open ? one.startsWith(term) : one === term)).map(([, entry]) => entry);
  }

  /** @param {string} language @param {Entry[]} entries */
  async #places(language, entries) {
    const lists = await Promise.all(entries.map(({list}) =>
      typeof list === "number" ? this.#once(`${language}/long-${list}.bin`, (content) => content) : list));
    /** @type {Places} */
    const found = new Map();
    for (const list of lists) {
      for (const [passage, places] of places_of(list)) found.set(passage, [...(found.get(passage) ?? []), ...places]);
    }
    return found;
  }

  /** @param {string} name @param {(content: Uint8Array) => any} read */
  #once(name, read) {
    const known = this.fetched.get(name);
    if (known) return known;
    const fetching = get(`${this.base}/${name}`).then((answer) => answer.arrayBuffer()).then((all) => read(new Uint8Array(all)));
    this.fetched.set(name, fetching);
    return fetching;
  }
}

/** @param {string} address @param {RequestCache} [cache] */
export async function get(address, cache = "default") {
  const answer = await fetch(address, {cache});
  if (!answer.ok) throw new Error(`${answer.status}`);
  return answer;
}

/** In how many places terms stand one after the other, by passage. @param {Places[]} all @returns {Map<number, number>} */
function together(all) {
  const rarest = all.reduce((one, other) => (other.size < one.size ? other : one));
  /** @type {Map<number, number>} */
  const found = new Map();
  for (const passage of rarest.keys()) {
    const here = all.map((places) => new Set(places.get(passage)));
    const count = [...here[0]].filter((place) => here.every((places, n) => places.has(place + n))).length;
    if (count) found.set(passage, count);
  }
  return found;
}

/** Read a file of terms. @param {Uint8Array} content @returns {Map<string, Entry>} */
function terms(content) {
  const reader = new Reader(content);
  const text = new TextDecoder();
  /** @type {Map<string, Entry>} */
  const found = new Map();
  while (reader.more()) {
    const term = text.decode(reader.bytes(reader.number()));
    const passages = reader.number();
    const length = reader.number();
    found.set(term, {passages, list: length ? reader.bytes(length) : reader.number()});
  }
  return found;
}

/** Read a list. @param {Uint8Array} list @returns {Generator<[number, number[]]>} */
function* places_of(list) {
  const reader = new Reader(list);
  for (let passage = -1; reader.more();) {
    const step = reader.number();
    passage += Math.floor(step / 2);
    const places = [];
    for (let left = step % 2 ? reader.number() : 1, place = 0; left; left--) places.push(place += reader.number());
    yield [passage, places];
  }
}

/** Takes numbers in base 128, their low digits first. */
class Reader {
  /** @param {Uint8Array} content */
  constructor(content) {
    this.content = content;
    this.at = 0;
  }

  more() {
    return this.at < this.content.length;
  }

  number() {
    let number = 0;
    let weight = 1;
    for (;;) {
      const digit = this.content[this.at++];
      number += (digit & 127) * weight;
      if (digit < 128) return number;
      weight *= 128;
    }
  }

  /** @param {number} length */
  bytes(length) {
    return this.content.subarray(this.at, this.at += length);
  }
}
