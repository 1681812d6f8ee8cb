// The transcript on the page: words appear in their segment as they become final; it follows until the reader scrolls.

import {correct, sign} from "./mark.js";
import {speak, tongue} from "./tongue.js";
import {buryAll, unbury} from "./tombstone.js";
import {Turns} from "./turns.js";
import {clock, count, mediaTime, say, space} from "./words.js";

const NEAR_PX = 48;
const ANNOUNCE_MS = 5000;

/** @typedef {import("./feed.js").Words} Words @typedef {import("./feed.js").Segment} Segment */

/** @param {string} id */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** The live transcript of one channel. */
export class Log {
  /** @param {string} language @param {number | null} zeroMs Media zero in UTC, once it is known. */
  constructor(language, zeroMs) {
    this.language = language;
    this.space = space(language);
    this.zeroMs = zeroMs;
    this.box = byId("log");
    this.turn = /** @type {HTMLTemplateElement} */ (byId("turn"));
    const {turns, lag} = at(byId("held"));
    this.turns = new Turns(JSON.parse(turns ?? "[]"), Number(lag));
    this.isFollowing = true;
    this.unseen = 0;
    this.lastTop = 0;
    this.lastT = Math.max(0, ...[...this.box.querySelectorAll("[data-through]")].map((turn) => Number(at(turn).through)));
    /** @type {string[]} */
    this.unsaid = [];
    /** @type {import("./feed.js").Draft | null} */
    this.drafted = null;
    this.#watchScroll();
    this.#announce();
    byId("follow").hidden = Boolean(document.getElementById("empty"));
    this.#toEnd();
    this.#toAddressed();
  }

  /** Add words that are not there yet. Returns them, or nothing. @param {Words} event */
  words(event) {
    const turn = this.#turn(event.segment);
    const known = Number(at(turn).n);
    const fresh = event.words.slice(Math.max(0, known - event.first_word));
    this.lastT = Math.max(this.lastT, event.through_t);
    at(turn).through = String(event.through_t);
    if (!fresh.length || known < event.first_word) return "";
    const between = event.language ? space(event.language) : this.space;
    const text = fresh.join(between);
    const said = /** @type {HTMLElement} */ (turn.querySelector(".said"));
    said.append((known ? between : "") + text);
    tongue(turn, event.language);
    at(turn).n = String(known + fresh.length);
    if (event.mark && !known) sign(turn, event.mark);
    this.turns.markAt(turn);
    const who = known ? null : turn.querySelector(".who");
    this.unsaid.push(who ? `${who.textContent}: ${text}` : text);
    this.#settle(event.segment);
    this.#grown(known === 0);
    return text;
  }

  /** Set the times of a segment; its words stay unless they are not the same. @param {Segment} event */
  segment(event) {
    const turn = this.#turn(event.segment);
    const said = /** @type {HTMLElement} */ (turn.querySelector(".said"));
    if (said.textContent !== event.text) said.textContent = event.text;
    tongue(turn, event.language);
    at(turn).through = String(event.t1);
    this.#time(turn, event.t0);
    this.turns.markAt(turn);
  }

  /** Show whose turn it is, or was. @param {import("./turns.js").Turn} event */
  speaker(event) {
    this.turns.take(event);
    this.turns.markAll(this.box);
    if (this.isFollowing) this.#toEnd();
  }

  /** Put tombstones in the place of segments; of those that are not here, the ones to come. @param {string[]} segments */
  hide(segments) {
    const last = [...this.box.querySelectorAll(".turn[id]")].at(-1);
    for (const id of segments) if (!last || number(id) > number(last.id)) this.#turn(id);
    buryAll(segments);
    this.turns.markAll(this.box);
    this.unsaid = [];
    this.drafted = null;
    this.#pending("");
    this.#grown(false);
  }

  /** Show what a redaction left of a segment. @param {import("./feed.js").Kept} event */
  kept(event) {
    if (!document.getElementById(event.segment)) return;
    unbury(event);
    at(byId(event.segment)).through = String(event.t1);
    this.#time(byId(event.segment), event.t0);
  }

  /** Show what a segment says now, and who answers for it. @param {import("./feed.js").Corrected} event */
  corrected(event) {
    correct(event);
    if (document.getElementById(event.segment)) this.unsaid.push(event.text);
  }

  /** Show words that may still change, or none. @param {import("./feed.js").Draft} event */
  draft(event) {
    const known = document.getElementById(event.segment);
    const isMine = event.text && Number(known ? at(known).n : 0) === event.after;
    this.drafted = isMine ? event : null;
    speak(byId("draft"), event.language);
    this.#pending(isMine ? event.text : "");
  }

  // Words of the draft on show have become final: keep the rest, or nothing where the next segment began. What
  // replaces it is on its way.
  /** @param {string} segment */
  #settle(segment) {
    if (!this.drafted) return;
    const settled = Number(at(byId(segment)).n) - this.drafted.after;
    const between = this.drafted.language ? space(this.drafted.language) : this.space;
    const words = between ? this.drafted.text.split(" ") : [...this.drafted.text];
    this.#pending(segment === this.drafted.segment ? words.slice(settled).join(between) : "");
  }

  /** @param {string} text */
  #pending(text) {
    byId("draft").textContent = text;
    byId("pending").hidden = false;
    byId("pending").classList.toggle("idle", !text);
  }

  /** Say that words are missing, or that nobody spoke. @param {"gap" | "quiet"} what @param {{t0: number, t1: number}} event */
  wordless(what, event) {
    const turn = this.#blank(event.t0);
    this.lastT = Math.max(this.lastT, event.t1);
    at(turn).through = String(event.t1);
    turn.classList.add(what);
    const said = /** @type {HTMLElement} */ (turn.querySelector(".said"));
    said.className = "soft";
    said.removeAttribute("lang");
    said.textContent = say(what);
    turn.querySelector("a")?.removeAttribute("href");
    this.#append(turn);
    if (what === "gap") this.unsaid.push(say(what));
    this.#grown(false);
  }

  /** @param {string} id @returns {HTMLElement} */
  #turn(id) {
    const known = document.getElementById(id);
    if (known) return known;
    const turn = this.#blank(this.lastT);
    turn.id = id;
    at(turn).n = "0";
    const link = turn.querySelector("a");
    const href = link?.getAttribute("href") ?? "";
    link?.setAttribute("href", href.replace("-/-", id.replace(/\.(?=\d+$)/, "/")));
    this.#append(turn);
    return turn;
  }

  /** @param {number} t */
  #blank(t) {
    const fragment = /** @type {DocumentFragment} */ (this.turn.content.cloneNode(true));
    const turn = /** @type {HTMLElement} */ (fragment.firstElementChild);
    const said = turn.querySelector(".said");
    if (said) said.setAttribute("lang", this.language);
    this.#time(turn, t);
    return turn;
  }

  /** @param {HTMLElement} turn */
  #append(turn) {
    document.getElementById("empty")?.remove();
    byId("follow").hidden = false;
    this.box.append(turn);
  }

  /** @param {HTMLElement} turn @param {number} t */
  #time(turn, t) {
    at(turn).t = String(t);
    const link = /** @type {HTMLElement} */ (turn.querySelector(".at"));
    link.title = mediaTime(t);
    const time = link.querySelector("time");
    if (time) time.textContent = this.zeroMs === null ? mediaTime(t) : clock(this.zeroMs + t);
  }

  /** @param {boolean} isNewTurn */
  #grown(isNewTurn) {
    if (this.isFollowing) return this.#toEnd();
    if (isNewTurn) this.unseen++;
    byId("jump").textContent = this.unseen ? count("jump", this.unseen) : say("jump0");
  }

  // An address that names a passage wins over following.
  #toAddressed() {
    const wanted = document.getElementById(location.hash.slice(1));
    if (!wanted || !this.box.contains(wanted)) return;
    this.#follow(false);
    this.box.scrollTop += wanted.getBoundingClientRect().top - this.box.getBoundingClientRect().top - NEAR_PX;
    this.lastTop = this.box.scrollTop;
  }

  #toEnd() {
    this.box.scrollTop = this.box.scrollHeight;
    this.lastTop = this.box.scrollTop;
  }

  /** @param {boolean} on */
  #follow(on) {
    this.isFollowing = on;
    this.unseen = 0;
    byId("following").hidden = byId("stop").hidden = !on;
    byId("jump").hidden = on;
    byId("jump").textContent = say("jump0");
    if (on) this.#toEnd();
  }

  #watchScroll() {
    this.box.addEventListener("scroll", () => {
      const top = this.box.scrollTop;
      const isNear = this.box.scrollHeight - top - this.box.clientHeight < NEAR_PX;
      const wentUp = top < this.lastTop - 2;
      this.lastTop = top;
      if (wentUp && !isNear && this.isFollowing) this.#follow(false);
      else if (isNear && !wentUp && !this.isFollowing) this.#follow(true);
    }, {passive: true});
    byId("jump").onclick = () => {
      this.#follow(true);
      this.box.focus({preventScroll: true});
    };
    byId("stop").onclick = () => {
      this.#follow(false);
      byId("jump").focus();
    };
  }

  // Finals only, gathered: a screen reader that is interrupted at every word says nothing.
  #announce() {
    const choice = /** @type {HTMLInputElement} */ (byId("announce"));
    const region = byId("announced");
    byId("hear-text").hidden = false;
    choice.onchange = () => region.setAttribute("aria-live", choice.checked ? "polite" : "off");
    this.timer = setInterval(() => {
      const text = this.unsaid.splice(0).join(" ");
      if (choice.checked && text) region.textContent = text;
    }, ANNOUNCE_MS);
  }

  stop() {
    clearInterval(this.timer);
  }
}

/** The ordinal of a segment. @param {string} id */
const number = (id) => Number(id.slice(id.lastIndexOf(".") + 1));

/** @param {Element} element */
const at = (element) => /** @type {HTMLElement} */ (element).dataset;
