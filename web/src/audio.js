// Sound through Media Source: fetches our own fMP4 segments, live or recorded. Their times are media time already
// (tfdt == t), so the element's currentTime is t in seconds.

import {Passages, parse} from "./playlist.js";

const BEHIND_PARTS = 3;
const AHEAD_S = 20;
const KEEP_S = 60;
const PAUSE_MS = 400;
const AGAIN_MS = 1000;

/**
 * @typedef {{
 *   meeting: string, channel: string, zeroMs: number | null, isLive: boolean, endMs: number,
 *   trouble: (key: string) => void,
 * }} Wanted
 * @typedef {import("./playlist.js").Part} Part
 */

/** @param {number} ms */
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** One audio element that plays one channel at a time of one meeting. */
export class Sound {
  /** @param {HTMLMediaElement} media @param {Wanted} wanted */
  constructor(media, wanted) {
    this.media = media;
    this.wanted = wanted;
    this.zeroMs = wanted.zeroMs;
    this.channel = wanted.channel;
    this.turn = 0;
    this.next = -1;
    this.init = "";
    this.isPlain = false;
    this.passages = new Passages();
    /** @type {number | null} */
    this.target = null;
    /** @type {SourceBuffer | null} */
    this.buffer = null;
  }

  /** @param {number | null} t */
  async start(t) {
    const Source = /** @type {any} */ (self).ManagedMediaSource ?? self.MediaSource;
    if (!Source) return this.#plain();
    this.target = t;
    this.source = new Source();
    this.media.disableRemotePlayback = true;
    this.media.src = URL.createObjectURL(this.source);
    const playing = this.media.play();
    await new Promise((resolve) => this.source.addEventListener("sourceopen", resolve, {once: true}));
    if (!this.wanted.isLive) this.source.duration = this.wanted.endMs / 1000 + 1;
    this.media.addEventListener("seeking", () => this.#seeking());
    void this.#feed();
    await playing;
  }

  t() {
    return this.isPlain ? (this.wanted.isLive ? null : this.media.currentTime * 1000) : this.media.currentTime * 1000;
  }

  /** @param {number} t */
  seek(t) {
    this.target = null;
    this.media.currentTime = t / 1000;
  }

  edge() {
    this.target = Infinity;
    this.#from();
  }

  /** @param {string} channel */
  hear(channel) {
    if (channel === this.channel) return;
    this.channel = channel;
    if (this.isPlain) return void this.#plain();
    this.target = this.media.currentTime * 1000;
    this.#from();
  }

  /** Drop what is held of a passage; what comes behind it is played as soon as it is there. @param {import("./feed.js").Hidden} passage */
  hide(passage) {
    const span = this.passages.add(passage);
    if (this.isPlain) return void this.#plain();
    this.turn++;
    void this.#drop(Math.max(0, span.t0 / 1000), span.t1 / 1000).finally(() => this.#feed());
  }

  /** @param {import("./feed.js").Shown} passage */
  show(passage) {
    this.passages.remove(passage.hidden);
  }

  /** @param {number} start @param {number} end */
  async #drop(start, end) {
    if (!this.buffer) return;
    while (this.buffer.updating) await settled(this.buffer);
    this.buffer.remove(start, end);
    await settled(this.buffer);
  }

  // No Media Source at all: one plain stream, which any browser plays.
  async #plain() {
    this.isPlain = true;
    this.media.src = `/listen/${this.wanted.meeting}/${this.channel}`;
    await this.media.play();
  }

  #seeking() {
    if (this.target === null && !this.#isBuffered(this.media.currentTime)) {
      this.target = this.media.currentTime * 1000;
      this.#from();
    }
  }

  #from() {
    this.next = -1;
    void this.#feed();
  }

  // One loop at a time: a newer turn ends the older one at its next step.
  async #feed() {
    const turn = ++this.turn;
    while (turn === this.turn) {
      try {
        if (await this.#round(turn)) return;
        this.wanted.trouble("");
        await pause(PAUSE_MS);
      } catch (error) {
        if (turn !== this.turn) return;
        this.wanted.trouble("nosound");
        this.init = "";
        await pause(AGAIN_MS * (1 + Math.random()));
      }
    }
  }

  /** Fetch what is missing; true when a recording is all there. @param {number} turn */
  async #round(turn) {
    const list = await this.#playlist();
    if (!list.parts.length) throw new Error("nothing yet");
    if (this.next < 0) this.next = this.#first(list);
    const oldest = list.parts[0].sequence;
    if (this.next < oldest) this.next = oldest;
    for (const part of list.parts) {
      if (part.sequence !== this.next) continue;
      if (part.isGap || this.passages.has(part.t, part.durationMs)) {
        this.next++;
        continue;
      }
      while (turn === this.turn && this.#ahead() > AHEAD_S) await pause(PAUSE_MS);
      if (turn !== this.turn) return true;
      await this.#take(part, turn);
    }
    if (list.isWhole && this.next > list.parts[list.parts.length - 1].sequence) {
      if (this.source.readyState === "open" && turn === this.turn) this.source.endOfStream();
      return true;
    }
    return false;
  }

  async #playlist() {
    const address = new URL(`/media/${this.wanted.meeting}/audio-${this.channel}/index.m3u8`, location.href).href;
    return parse(await (await ask(address)).text(), address, this.zeroMs);
  }

  /** @param {import("./playlist.js").Playlist} list */
  #first(list) {
    const {parts} = list;
    const newest = parts[Math.max(0, parts.length - BEHIND_PARTS)];
    if (this.target === Infinity) this.target = newest.t;
    if (this.target !== null) {
      const t = this.target;
      return (parts.findLast((part) => part.t <= t) ?? parts[0]).sequence;
    }
    return (list.isWhole ? parts[0] : newest).sequence;
  }

  /** @param {Part} part @param {number} turn */
  async #take(part, turn) {
    if (part.init !== this.init) {
      const head = await (await ask(part.init)).arrayBuffer();
      if (turn !== this.turn) return;
      this.buffer ??= this.source.addSourceBuffer(`audio/mp4; codecs="${codec(head)}"`);
      await this.#append(head);
      this.init = part.init;
    }
    const body = await (await ask(part.url)).arrayBuffer();
    if (turn !== this.turn) return;
    const isLost = !this.#isBuffered(this.media.currentTime);
    await this.#append(body);
    this.next = part.sequence + 1;
    this.#place(isLost);
    await this.#forget();
  }

  // Stand where there is sound: at the beginning, after a seek, and past a hole between two runs of the source.
  /** @param {boolean} isLost Whether there was no sound where it stood. */
  #place(isLost) {
    const {buffered, currentTime} = this.media;
    if (this.target !== null) {
      const wanted = this.target / 1000;
      this.target = null;
      this.media.currentTime = this.#isBuffered(wanted) ? wanted + 0.001 : this.#nextStart(wanted);
    } else if (isLost && buffered.length && !this.#isBuffered(currentTime)) {
      this.media.currentTime = this.#nextStart(currentTime);
    }
  }

  /** @param {number} seconds */
  #nextStart(seconds) {
    const {buffered} = this.media;
    for (let i = 0; i < buffered.length; i++) if (buffered.start(i) > seconds) return buffered.start(i) + 0.02;
    return buffered.length ? buffered.start(buffered.length - 1) + 0.02 : seconds;
  }

  /** @param {number} seconds */
  #isBuffered(seconds) {
    const {buffered} = this.media;
    for (let i = 0; i < buffered.length; i++) {
      if (buffered.start(i) <= seconds && seconds < buffered.end(i)) return true;
    }
    return false;
  }

  /** Seconds of sound from where it plays to the next hole; 0 while it is to stand elsewhere. */
  #ahead() {
    const {buffered, currentTime} = this.media;
    for (let i = 0; this.target === null && i < buffered.length; i++) {
      if (buffered.start(i) <= currentTime && currentTime < buffered.end(i)) return buffered.end(i) - currentTime;
    }
    return 0;
  }

  async #forget() {
    const old = this.media.currentTime - KEEP_S;
    if (!this.buffer || !this.media.buffered.length || this.media.buffered.start(0) >= old - KEEP_S) return;
    this.buffer.remove(0, old);
    await settled(this.buffer);
  }

  /** @param {ArrayBuffer} bytes */
  async #append(bytes) {
    const buffer = /** @type {SourceBuffer} */ (this.buffer);
    while (buffer.updating) await settled(buffer);
    buffer.appendBuffer(bytes);
    await settled(buffer);
  }
}

/** @param {SourceBuffer} buffer @returns {Promise<void>} */
function settled(buffer) {
  return new Promise((resolve, reject) => {
    buffer.addEventListener("updateend", () => resolve(), {once: true});
    buffer.addEventListener("error", () => reject(new Error("not playable")), {once: true});
  });
}

/** @param {string} address */
async function ask(address) {
  const answer = await fetch(address, {signal: AbortSignal.timeout(20000)});
  if (!answer.ok) throw new Error(`answered ${answer.status}`);
  return answer;
}

// The sample entry's name stands in the init segment's moov box (ISO 14496-12).
/** @param {ArrayBuffer} head */
function codec(head) {
  return new TextDecoder("latin1").decode(head).includes("Opus") ? "opus" : "mp4a.40.2";
}
