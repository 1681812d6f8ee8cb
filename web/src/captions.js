// Which caption belongs to a moment: pure. With sound it follows media time; without, the newest words show at once.

const LATIN = 84;
const DENSE = 34;
const HOLD_MS = 2500;
const KEPT = 4000;

/**
 * @typedef {{id: string, text: string, ends: {length: number, t: number}[], t0: number | null, t1: number | null, space: string}} Cue
 */

/** What was said on one channel, as captions. */
export class Captions {
  /** @param {string} space What stands between words. */
  constructor(space) {
    this.space = space;
    /** @type {Cue[]} */
    this.cues = [];
  }

  /**
   * Take a segment that is on the page already.
   * @param {string} id @param {string} text @param {number} t0 @param {number} t1 @param {string} [space] Between its words.
   */
  seed(id, text, t0, t1, space = this.space) {
    this.cues.push({id, text, ends: [{length: text.length, t: t1}], t0, t1, space});
  }

  /** @param {string} id @param {string} words @param {number} throughT @param {string} [space] Between its words. */
  words(id, words, throughT, space = this.space) {
    const cue = this.#cue(id);
    cue.space = space;
    cue.text += (cue.text && space) + words;
    cue.ends.push({length: cue.text.length, t: throughT});
    cue.t1 = cue.t0 === null ? null : throughT;
  }

  /** @param {string} id @param {string} text @param {number} t0 @param {number} t1 */
  timed(id, text, t0, t1) {
    Object.assign(this.#cue(id), {text, t0, t1});
  }

  /** Forget what segments say. @param {string[]} segments */
  hide(segments) {
    for (const cue of this.cues) if (segments.includes(cue.id)) Object.assign(cue, {text: "", ends: []});
  }

  /** The newest words. */
  newest() {
    const last = this.cues.at(-1);
    return last ? this.#piece(last, last.text.length) : "";
  }

  /** The caption at media time t. @param {number} t */
  at(t) {
    for (let i = this.cues.length - 1; i >= 0 && i > this.cues.length - KEPT; i--) {
      const cue = this.cues[i];
      if (cue.t0 === null || cue.t1 === null) {
        const heard = cue.ends.filter((end) => end.t <= t).at(-1);
        if (heard) return this.#piece(cue, heard.length);
      } else if (cue.t0 <= t) {
        const part = Math.min(1, (t - cue.t0) / Math.max(1, cue.t1 - cue.t0));
        return t > cue.t1 + HOLD_MS ? "" : this.#piece(cue, Math.max(1, part * cue.text.length));
      }
    }
    return "";
  }

  /** @param {string} id @returns {Cue} */
  #cue(id) {
    const known = this.cues.findLast((cue) => cue.id === id);
    if (known) return known;
    /** @type {Cue} */
    const cue = {id, text: "", ends: [], t0: null, t1: null, space: this.space};
    this.cues.push(cue);
    return cue;
  }

  /** The piece, of a line or two, that holds the text's first `length` letters' end. @param {Cue} cue @param {number} length */
  #piece({text, space}, length) {
    const limit = space ? LATIN : DENSE;
    let before = 0;
    let start = 0;
    while (text.length - start > limit) {
      const room = start + limit;
      const gap = space ? text.lastIndexOf(" ", room) : room;
      const end = gap > start ? gap : room;
      if (end >= length) return text.slice(start, end).trim();
      before = start;
      start = end;
    }
    // a few last words would stand there alone: keep the line before them
    return text.slice(text.length - start < limit / 2 ? before : start).trim();
  }
}
