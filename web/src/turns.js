// Who speaks, in the transcript on the page: the turns as the feed tells them, and a line where the speaker changes.
// Which turn a segment is in is worked out as hearing/turns.py does: the one in which most of it lies.

import {say} from "./words.js";

/** @typedef {{turn: string, t?: number, name?: string, title?: string, removed?: boolean}} Turn */

export class Turns {
  /** @param {Turn[]} known @param {number} lagMs How much later a turn begins on this channel than on the floor. */
  constructor(known, lagMs) {
    this.lagMs = lagMs;
    /** @type {Map<string, Turn>} */
    this.known = new Map(known.map((turn) => [turn.turn, turn]));
    /** @type {Turn[]} */
    this.order = [];
    this.#sort();
  }

  /** @param {Turn} turn */
  take(turn) {
    if (turn.removed) this.known.delete(turn.turn);
    else this.known.set(turn.turn, turn);
    this.#sort();
  }

  // Of two that begin at once the one set later holds, so the order in which they were set is kept.
  #sort() {
    this.order = [...this.known.values()].sort((a, b) => (a.t ?? 0) - (b.t ?? 0));
  }

  /** Show who speaks in every turn of a transcript. @param {Element} box */
  markAll(box) {
    let before = NOBODY;
    for (const element of box.querySelectorAll(".turn")) before = this.#mark(element, before);
  }

  /** Show who speaks in one turn of the page, and whether that changes in the next. @param {Element} element */
  markAt(element) {
    let before = NOBODY;
    for (let at = element.previousElementSibling; at; at = at.previousElementSibling) {
      if (!hasWords(at)) continue;
      before = key(this.#of(at));
      break;
    }
    before = this.#mark(element, before);
    for (let at = element.nextElementSibling; at; at = at.nextElementSibling) {
      this.#mark(at, before);
      if (hasWords(at)) break;
    }
  }

  /** Show it where somebody else spoke before. Returns who speaks. @param {Element} element @param {string} before */
  #mark(element, before) {
    const old = element.querySelector(".who");
    if (!hasWords(element)) {
      old?.remove();
      return before;
    }
    const turn = this.#of(element);
    const now = key(turn);
    if (now === before) old?.remove();
    else if (old) old.replaceWith(line(turn));
    else element.querySelector(".said")?.before(line(turn));
    return now;
  }

  /** @param {Element} element @returns {Turn | undefined} */
  #of(element) {
    const {t, through} = /** @type {HTMLElement} */ (element).dataset;
    const [t0, t1] = [Number(t), Number(through ?? t)];
    let best;
    let most = -1;
    for (let at = -1; at < this.order.length; at++) {
      const [start, end] = [this.#start(at), this.#start(at + 1)];
      if (end <= t0) continue;
      if (start > Math.max(t0, t1 - 1)) break;
      const part = Math.min(end, t1) - Math.max(start, t0);
      if (part > most) [best, most] = [this.order[at], part];
    }
    return best;
  }

  /** @param {number} at */
  #start(at) {
    if (at < 0) return -Infinity;
    return at < this.order.length ? (this.order[at].t ?? 0) + this.lagMs : Infinity;
  }
}

const NOBODY = "\n";

/** @param {Turn | undefined} turn */
const key = (turn) => `${turn?.name ?? ""}\n${turn?.title ?? ""}`;

/** @param {Element} element */
const hasWords = (element) =>
  Number(/** @type {HTMLElement} */ (element).dataset.n) > 0 && element.querySelector(".said") !== null;

/** @param {Turn | undefined} turn */
function line(turn) {
  const place = document.createElement("p");
  place.className = "who";
  if (turn?.name) place.append(isolated(turn.name));
  if (turn?.name && turn.title) {
    const title = document.createElement("span");
    title.className = "soft";
    title.append(isolated(turn.title));
    place.append(" ", title);
  }
  if (!turn?.name) {
    const nobody = document.createElement("span");
    nobody.className = "soft";
    nobody.textContent = say("nobody");
    place.append(nobody);
  }
  return place;
}

/** A name may be written in another direction than the page. @param {string} text */
function isolated(text) {
  const bdi = document.createElement("bdi");
  bdi.textContent = text;
  return bdi;
}
