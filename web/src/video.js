// The picture: hls.js, fetched on Play and only then; without it, the browser's own HLS, or a word that there is none.

import {Passages} from "./playlist.js";

const BUFFER_S = 20;
const BACK_S = 60;
const LOOK_MS = 500;
const EDGE_S = 0.1;

/** @typedef {import("./audio.js").Wanted} Wanted */

/** One video element that plays one meeting, with the channel that is heard. */
export class Picture {
  /** @param {HTMLVideoElement} video @param {Wanted} wanted @param {string} [hlsAddress] */
  constructor(video, wanted, hlsAddress) {
    this.video = video;
    this.wanted = wanted;
    this.zeroMs = wanted.zeroMs;
    this.channel = wanted.channel;
    this.hlsAddress = hlsAddress;
    /** @type {any} */
    this.hls = null;
    this.passages = new Passages();
    /** @type {ReturnType<typeof setInterval> | undefined} */
    this.timer = undefined;
    this.address = `/media/${wanted.meeting}/master.m3u8`;
  }

  /** @param {number | null} t */
  async start(t) {
    const Hls = this.hlsAddress ? await load(this.hlsAddress).catch(() => null) : null;
    if (Hls?.isSupported()) this.#byHls(Hls, t);
    else if (this.video.canPlayType("application/vnd.apple.mpegurl")) this.#byBrowser(t);
    else throw Object.assign(new Error("no HLS here"), {name: "NoPicture"});
    await this.video.play();
  }

  t() {
    const zero = this.zeroMs;
    if (zero === null) return null;
    if (this.hls) return this.hls.playingDate ? this.hls.playingDate.getTime() - zero : null;
    const start = /** @type {any} */ (this.video).getStartDate?.().getTime();
    return start ? start + this.video.currentTime * 1000 - zero : null;
  }

  /** @param {number} t */
  seek(t) {
    const now = this.t();
    if (now !== null) this.video.currentTime = Math.max(0, this.video.currentTime + (t - now) / 1000);
  }

  edge() {
    const {seekable} = this.video;
    const end = this.hls?.liveSyncPosition ?? (seekable.length ? seekable.end(seekable.length - 1) - 6 : null);
    if (end !== null) this.video.currentTime = end;
  }

  /** @param {string} channel */
  hear(channel) {
    this.channel = channel;
    this.#chooseTrack();
  }

  /** Drop what is held of a passage, and stand behind it as soon as something is there. @param {import("./feed.js").Hidden} passage */
  hide(passage) {
    this.passages.add(passage);
    if (!this.hls) return this.#reload();
    if (!this.timer) this.timer = setInterval(() => this.#keepOut(), LOOK_MS);
    this.#keepOut();
  }

  /** @param {import("./feed.js").Shown} passage */
  show(passage) {
    this.passages.remove(passage.hidden);
  }

  // Again and again: what was under way when a passage was hidden arrives after it.
  #keepOut() {
    const fragments = [...this.hls.levels, ...this.hls.audioTracks].flatMap((one) => one.details?.fragments ?? []);
    for (const fragment of fragments) if (this.#isHidden(fragment)) this.#drop(fragment);
    this.#skip();
  }

  // Marked as its playlist will mark it when it is read next, hls.js loads it no more, from no cache either.
  /** @param {any} fragment */
  #drop(fragment) {
    if (!fragment.tagList.some((/** @type {string[]} */ [tag]) => tag === "GAP")) fragment.tagList.push(["GAP"]);
    fragment.gap = true;
    const [startOffset, endOffset] = [fragment.start, fragment.start + fragment.duration];
    if (this.#holds(startOffset + EDGE_S, endOffset - EDGE_S)) {
      this.hls.trigger("hlsBufferFlushing", {startOffset, endOffset, type: null});
    }
  }

  /** @param {number} start @param {number} end */
  #holds(start, end) {
    const {buffered} = this.video;
    for (let i = 0; i < buffered.length; i++) if (buffered.start(i) < end && buffered.end(i) > start) return true;
    return false;
  }

  /** @param {any} fragment */
  #isHidden(fragment) {
    const t = fragment.programDateTime - (this.zeroMs ?? 0);
    return this.zeroMs !== null && this.passages.has(t, fragment.duration * 1000);
  }

  // The browser's own player lets nobody drop a part of what it holds.
  #reload() {
    this.video.src = this.address;
    void this.video.play();
  }

  // Nothing comes where it stands: go to what is there behind the passage.
  #skip() {
    const {buffered, currentTime} = this.video;
    const t = this.t();
    if (t === null || !this.passages.has(t, 0)) return;
    for (let i = 0; i < buffered.length; i++) {
      if (buffered.start(i) > currentTime) return void (this.video.currentTime = buffered.start(i) + 0.05);
    }
  }

  /** @param {any} Hls @param {number | null} t */
  #byHls(Hls, t) {
    const hls = (this.hls = new Hls({
      enableWorker: false, maxBufferLength: BUFFER_S, backBufferLength: BACK_S, capLevelToPlayerSize: true,
    }));
    hls.on(Hls.Events.AUDIO_TRACKS_UPDATED, () => this.#chooseTrack());
    hls.on(Hls.Events.ERROR, (/** @type {any} */ _, /** @type {any} */ error) => this.#mend(Hls, error));
    if (t !== null) this.video.addEventListener("playing", () => this.seek(t), {once: true});
    hls.loadSource(this.address);
    hls.attachMedia(this.video);
  }

  /** @param {number | null} t */
  #byBrowser(t) {
    this.video.src = this.address;
    this.video.addEventListener("loadedmetadata", () => this.#chooseTrack(), {once: true});
    if (t !== null) this.video.addEventListener("playing", () => this.seek(t), {once: true});
  }

  #chooseTrack() {
    if (this.hls) {
      const path = `/audio-${this.channel}/`;
      const index = this.hls.audioTracks.findIndex((/** @type {any} */ track) => track.url.includes(path));
      if (index >= 0 && index !== this.hls.audioTrack) this.hls.audioTrack = index;
      return;
    }
    for (const track of /** @type {any} */ (this.video).audioTracks ?? []) {
      track.enabled = track.language === this.channel || track.label === this.channel;
    }
  }

  /** @param {any} Hls @param {{fatal: boolean, type: string}} error */
  #mend(Hls, error) {
    if (!error.fatal) return;
    this.wanted.trouble("nosound");
    if (error.type === Hls.ErrorTypes.MEDIA_ERROR) this.hls.recoverMediaError();
    else setTimeout(() => (this.hls.loadSource(this.address), this.hls.startLoad()), 2000 * (1 + Math.random()));
    this.video.addEventListener("playing", () => this.wanted.trouble(""), {once: true});
  }
}

/** Load the player as the classic script it is. @param {string} address @returns {Promise<any>} */
function load(address) {
  const known = /** @type {any} */ (self).Hls;
  if (known) return Promise.resolve(known);
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = address;
    script.onload = () => resolve(/** @type {any} */ (self).Hls);
    script.onerror = () => reject(new Error("the player did not load"));
    document.head.append(script);
  });
}
