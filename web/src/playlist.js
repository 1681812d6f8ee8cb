// Read a media playlist (RFC 8216): only what our own server writes.

/** @typedef {{sequence: number, url: string, init: string, t: number, durationMs: number, isGap: boolean}} Part */
/** @typedef {{parts: Part[], isWhole: boolean, targetMs: number}} Playlist */

/** @param {string} text @param {string} address @param {number | null} zeroMs @returns {Playlist} */
export function parse(text, address, zeroMs) {
  /** @type {Playlist} */
  const list = {parts: [], isWhole: text.includes("#EXT-X-ENDLIST"), targetMs: 2000};
  let sequence = 0;
  let init = "";
  let durationMs = 0;
  let t = 0;
  let isGap = false;
  for (const line of text.split("\n").map((raw) => raw.trim())) {
    const [, tag = "", value = ""] = /^#(EXT[\w-]*):?(.*)$/.exec(line) ?? [];
    if (tag === "EXT-X-TARGETDURATION") list.targetMs = Number(value) * 1000;
    else if (tag === "EXT-X-MEDIA-SEQUENCE") sequence = Number(value);
    else if (tag === "EXT-X-MAP") init = new URL(/URI="([^"]+)"/.exec(value)?.[1] ?? "", address).href;
    else if (tag === "EXTINF") durationMs = parseFloat(value) * 1000;
    else if (tag === "EXT-X-GAP") isGap = true;
    else if (tag === "EXT-X-PROGRAM-DATE-TIME" && zeroMs !== null) t = Date.parse(value) - zeroMs;
    else if (line && !line.startsWith("#")) {
      list.parts.push({sequence: sequence++, url: new URL(line, address).href, init, t, durationMs, isGap});
      t += durationMs;
      isGap = false;
    }
  }
  return list;
}

// As on the server: how far a word's time may be from its sound.
const MARGIN_MS = 500;

/**
 * The passages that a player must not play, which its playlist may not know yet.
 * @typedef {import("./feed.js").Hidden} Hidden
 */
export class Passages {
  constructor() {
    /** @type {Map<string, {t0: number, t1: number}>} */
    this.known = new Map();
  }

  /** Add one; returns where it is in media time, with its margin. @param {Hidden} passage */
  add({hidden, t0, t1}) {
    const span = {t0: t0 - MARGIN_MS, t1: t1 + MARGIN_MS};
    this.known.set(hidden, span);
    return span;
  }

  /** @param {string} hidden */
  remove(hidden) {
    this.known.delete(hidden);
  }

  /** Whether something from t to t + ms is hidden. @param {number} t @param {number} ms */
  has(t, ms) {
    return [...this.known.values()].some((span) => t < span.t1 && t + ms > span.t0);
  }
}
