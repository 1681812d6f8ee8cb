// The live feed of one meeting: the protocol, and no DOM. docs/api.md tells what the events hold.

/**
 * @typedef {{segment: string, first_word: number, words: string[], through_t: number, mark?: string, language?: string}} Words
 * @typedef {{segment: string, t0: number, t1: number, text: string, language?: string}} Segment
 * @typedef {{channel: string, segment: string, after: number, text: string, language?: string}} Draft
 * @typedef {{channel: string, state: string, late_ms: number}} CaptionsState
 * @typedef {{state: string, t: number, reason?: string, media_zero_utc?: string}} State
 * @typedef {{channel: string, t0: number, t1: number}} Gap Of a quiet stretch too.
 * @typedef {{hidden: string, t0: number, t1: number, segments: string[]}} Hidden
 * @typedef {{hidden: string}} Shown
 * @typedef {{segment: string, t0: number, t1: number, text: string, basis: string, language?: string}} Kept
 * @typedef {import("./turns.js").Turn} Turn
 * @typedef {{segment: string, t0: number, t1: number, text: string, mark: string, version: number, language?: string}} Corrected
 * @typedef {{
 *   words: (event: Words) => void, segment: (event: Segment) => void, draft: (event: Draft) => void,
 *   captions: (event: CaptionsState) => void, state: (event: State) => void, gap: (event: Gap) => void, quiet: (event: Gap) => void,
 *   turn: (event: Turn) => void,
 *   hidden: (event: Hidden) => void, shown: (event: Shown) => void,
 *   kept: (event: Kept) => void, corrected: (event: Corrected) => void, erased: (event: Shown) => void, stale: () => void, lost: () => void, found: () => void,
 * }} Reader
 */

const EVENTS = /** @type {const} */ (["words", "segment", "draft", "captions", "state", "gap", "quiet", "hidden", "shown", "kept", "corrected", "erased", "turn"]);
const WAIT_MS = 1000;
const LONGEST_MS = 10000;
const ASLEEP_MS = 30000;

/** Follows a meeting from a cursor on; connects again by its own timer, with jitter, where it stopped. */
export class Feed {
  /** @param {string} url @param {string} cursor @param {Reader} reader */
  constructor(url, cursor, reader) {
    this.url = url;
    this.cursor = cursor;
    this.reader = reader;
    /** @type {EventSource | null} */
    this.source = null;
    this.tries = 0;
    this.timer = 0;
    this.isLost = false;
    this.hiddenAt = 0;
    this.wake = () => this.#wake();
  }

  start() {
    document.addEventListener("visibilitychange", this.wake);
    addEventListener("online", this.wake);
    this.#connect();
  }

  stop() {
    document.removeEventListener("visibilitychange", this.wake);
    removeEventListener("online", this.wake);
    this.#hangUp();
  }

  #hangUp() {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = null;
  }

  #connect() {
    this.#hangUp();
    const address = new URL(this.url, location.href);
    address.searchParams.set("after", this.cursor);
    const source = (this.source = new EventSource(address));
    source.onopen = () => this.#opened();
    source.onerror = () => this.#failed();
    for (const name of EVENTS) {
      source.addEventListener(name, (event) => this.#take(name, /** @type {MessageEvent} */ (event)));
    }
    for (const name of ["reset", "redacted"]) source.addEventListener(name, () => this.reader.stale());
  }

  #opened() {
    this.tries = 0;
    if (this.isLost) this.reader.found();
    this.isLost = false;
  }

  // A browser gives up on some answers for good, so the timer is ours.
  #failed() {
    this.#hangUp();
    if (!this.isLost) this.reader.lost();
    this.isLost = true;
    const longest = Math.min(LONGEST_MS, WAIT_MS * 2 ** this.tries++);
    this.timer = setTimeout(() => this.#connect(), longest * (0.5 + Math.random() / 2));
  }

  /** @param {typeof EVENTS[number]} name @param {MessageEvent} event */
  #take(name, event) {
    const isKept = name !== "draft" && name !== "captions";
    if (isKept && !this.#isNew(event.lastEventId)) return;
    this.reader[name](JSON.parse(event.data));
    if (isKept) this.cursor = event.lastEventId;
  }

  /** @param {string} id */
  #isNew(id) {
    const [epoch, position] = id.split(".").map(Number);
    const [oldEpoch, oldPosition] = this.cursor.split(".").map(Number);
    return epoch !== oldEpoch || position > oldPosition;
  }

  // A phone lets a connection die without a word while the page is hidden.
  #wake() {
    if (document.visibilityState === "hidden") {
      this.hiddenAt = Date.now();
    } else if (!this.source || (this.hiddenAt && Date.now() - this.hiddenAt > ASLEEP_MS)) {
      this.hiddenAt = 0;
      this.#connect();
    }
  }
}
