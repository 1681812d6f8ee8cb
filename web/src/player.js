// The player's bar. Nothing is loaded before Play; then the sound or the picture comes from its own module.

import {Sound} from "./audio.js";
import {say} from "./words.js";

/** @typedef {import("./feed.js").Hidden} Hidden @typedef {import("./feed.js").Shown} Shown */

/**
 * What plays, whatever it is made of. `t` is media time in ms, null while nothing plays.
 * @typedef {{
 *   start: (t: number | null) => Promise<void>, t: () => number | null, seek: (t: number) => void,
 *   hide: (passage: Hidden) => void, show: (passage: Shown) => void, edge: () => void, hear: (channel: string) => void, zeroMs: number | null,
 * }} Engine
 */

const BACK_MS = 10000;
const TICK_MS = 500;
const LONGEST_LAG_S = 4 * 3600;
const SIZES = ["", "large", "huge"];

/** @param {string} id */
const byId = (id) => document.getElementById(id);

/** The bar under the captions, and what it commands. */
export class Player {
  /** @param {DOMStringMap} page @param {number | null} zeroMs */
  constructor(page, zeroMs) {
    this.page = page;
    this.zeroMs = zeroMs;
    this.channel = page.hear ?? "";
    this.isLive = page.state !== "closed";
    this.from = page.from ? Number(page.from) : null;
    this.media = /** @type {HTMLMediaElement} */ (byId("media"));
    /** @type {Engine | null} */
    this.engine = null;
    this.#quiet();
    this.#bar();
    setInterval(() => this.#tell(), TICK_MS);
  }

  /** Media time of what is heard now; null while nothing has been asked to play. */
  t() {
    return this.engine && (this.isLive || !this.media.paused || this.media.currentTime) ? this.engine.t() : null;
  }

  /** @param {number} t */
  async seek(t) {
    if (!this.engine) return this.#start(t);
    this.engine.seek(t);
    await this.media.play();
  }

  /** @param {string} channel */
  hear(channel) {
    this.channel = channel;
    this.engine?.hear(channel);
  }

  /** Drop what is held of a passage and go on behind it. @param {Hidden} passage */
  hide(passage) {
    this.engine?.hide(passage);
  }

  /** @param {Shown} passage */
  show(passage) {
    this.engine?.show(passage);
  }

  /** @param {number} zeroMs */
  startClock(zeroMs) {
    this.zeroMs = zeroMs;
    if (this.engine) this.engine.zeroMs = zeroMs;
  }

  // The element's own address is for browsers without script; without it nothing can load by itself.
  #quiet() {
    this.media.removeAttribute("src");
    this.media.controls = false;
    this.media.load();
  }

  #bar() {
    const bar = byId("bar");
    if (bar) bar.hidden = false;
    this.#on("play", () => this.#toggle());
    this.#on("back", () => this.#back());
    this.#on("edge", () => (this.engine ? (this.engine.edge(), void this.media.play()) : this.#start(null)));
    this.#on("cc", (button) => this.#toggleCaptions(button));
    this.#on("size", () => this.#nextSize());
    const seek = /** @type {HTMLInputElement | null} */ (byId("seek"));
    if (seek && this.from !== null) seek.value = String(this.from);
    seek?.addEventListener("change", (event) => {
      void this.seek(Number(/** @type {HTMLInputElement} */ (event.target).value));
    });
    for (const name of ["play", "pause", "playing", "waiting"]) {
      this.media.addEventListener(name, () => this.#tell());
    }
  }

  /** @param {string} id @param {(button: HTMLElement) => void} act */
  #on(id, act) {
    const button = byId(id);
    if (button) button.onclick = () => act(button);
  }

  #toggle() {
    if (!this.engine) return void this.#start(this.from);
    if (this.media.paused) void this.media.play();
    else this.media.pause();
  }

  #back() {
    const t = this.engine?.t();
    if (this.engine && typeof t === "number") this.engine.seek(Math.max(0, t - BACK_MS));
  }

  /** @param {HTMLElement} button */
  #toggleCaptions(button) {
    const isOn = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(isOn));
    byId("cap")?.classList.toggle("off", !isOn);
  }

  #nextSize() {
    const caption = byId("cap");
    const now = SIZES.findIndex((size) => size && caption?.classList.contains(size));
    caption?.classList.remove("large", "huge");
    const next = SIZES[(Math.max(0, now) + 1) % SIZES.length];
    if (next) caption?.classList.add(next);
  }

  /** @param {number | null} t Where to begin; null is now, or the beginning of a recording. */
  async #start(t) {
    this.#trouble("");
    try {
      this.engine = await this.#engine();
      await this.engine.start(t);
    } catch (error) {
      this.engine = null;
      this.#trouble(error instanceof Error && error.name === "NoPicture" ? "nopicture" : "nosound");
    }
    this.#tell();
  }

  /** @returns {Promise<Engine>} */
  async #engine() {
    const {meeting = "", mode, end} = this.page;
    const wanted = {
      meeting, channel: this.channel, zeroMs: this.zeroMs, isLive: this.isLive, endMs: Number(end),
      trouble: (/** @type {string} */ key) => this.#trouble(key),
    };
    if (mode !== "video") return new Sound(this.media, wanted);
    const {Picture} = await import("./video.js");
    return new Picture(/** @type {HTMLVideoElement} */ (this.media), wanted, byId("player")?.dataset.hls);
  }

  /** @param {string} key */
  #trouble(key) {
    const place = byId("trouble");
    if (!place) return;
    place.hidden = !key;
    const words = place.querySelector("span");
    if (words) words.textContent = key && say(key);
  }

  #tell() {
    const isPlaying = Boolean(this.engine) && !this.media.paused;
    const play = byId("play");
    play?.setAttribute("aria-label", say(isPlaying ? "pause" : "play"));
    play?.querySelector("use")?.setAttribute("href", `${this.page.icons}#${isPlaying ? "pause" : "play"}`);
    const t = this.engine?.t() ?? null;
    const seek = /** @type {HTMLInputElement | null} */ (byId("seek"));
    if (seek && t !== null && document.activeElement !== seek) seek.value = String(t);
    const lag = byId("lag");
    if (lag) lag.textContent = this.#lag(t, isPlaying);
  }

  /** @param {number | null} t @param {boolean} isPlaying */
  #lag(t, isPlaying) {
    if (isPlaying && this.media.readyState < 3) return say("loading");
    if (!this.isLive || t === null || this.zeroMs === null) return "";
    const behind = Math.round((Date.now() - this.zeroMs - t) / 1000);
    return behind >= 0 && behind < LONGEST_LAG_S ? say("behind", {n: behind}) : "";
  }
}
