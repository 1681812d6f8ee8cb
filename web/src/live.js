// The page of one meeting: joins the feed, the transcript, the captions and, when it is asked for, the player.

import {Captions} from "./captions.js";
import {Feed} from "./feed.js";
import {Log} from "./log.js";
import {correct} from "./mark.js";
import {buryAll, unbury} from "./tombstone.js";
import {localTimes} from "./times.js";
import {captionsState, clock, say, sign, space} from "./words.js";

const TICK_MS = 250;
const AGAIN_MS = 6000;
const SPREAD_MS = 3000;
const OFFERS = 8;

const live = /** @type {HTMLElement} */ (document.getElementById("live"));
const page = live.dataset;
const caption = document.getElementById("cap");
/** @type {import("./player.js").Player | null} */
let player = null;
/** @type {Captions} */
let captions;
/** @type {Log | null} */
let log = null;
/** @type {Feed | null} */
let feed = null;
let zeroMs = page.zero ? Number(page.zero) : null;

function begin() {
  captions = new Captions(space(page.language ?? "en"));
  for (const turn of document.querySelectorAll(".turn[data-n]")) {
    const {t, through} = /** @type {HTMLElement} */ (turn).dataset;
    const said = turn.querySelector(".said");
    captions.seed(turn.id, said?.textContent ?? "", Number(t), Number(through), space(said?.getAttribute("lang") ?? "en"));
  }
  if (page.state === "closed") return;
  log = page.found ? null : new Log(page.language ?? "en", zeroMs);
  const url = `/api/meetings/${page.meeting}/events?channel=${page.channel}${page.lean ? "&drafts=no" : ""}`;
  feed = new Feed(url, page.cursor ?? "", reader);
  feed.start();
}

/** @type {import("./feed.js").Reader} */
const reader = {
  words(event) {
    const between = space(event.language || page.language || "en");
    const fresh = log ? log.words(event) : event.words.join(between);
    if (fresh) captions.words(event.segment, fresh, event.through_t, between);
  },
  segment(event) {
    log?.segment(event);
    captions.timed(event.segment, event.text, event.t0, event.t1);
  },
  gap: (event) => log?.wordless("gap", event),
  quiet: (event) => log?.wordless("quiet", event),
  turn(event) {
    log?.speaker(event);
    document.dispatchEvent(new Event("turn"));
  },
  draft: (event) => log?.draft(event),
  captions(event) {
    const place = document.querySelector(`[data-captions="${CSS.escape(event.channel)}"]`);
    if (place) place.textContent = captionsState(event.state, Math.round(event.late_ms / 1000));
  },
  state: showState,
  hidden(event) {
    if (log) log.hide(event.segments);
    else buryAll(event.segments);
    captions.hide(event.segments);
    showCaption();
    player?.hide(event);
  },
  shown(event) {
    player?.show(event);
    void turnTo(new URL(location.href));
  },
  kept(event) {
    if (log) log.kept(event);
    else unbury(event);
    captions.timed(event.segment, event.text, event.t0, event.t1);
    showCaption();
  },
  corrected(event) {
    if (log) log.corrected(event);
    else correct(event);
    captions.timed(event.segment, event.text, event.t0, event.t1);
    showCaption();
  },
  erased: (event) => player?.show(event),
  stale: () => void turnTo(new URL(location.href)),
  lost: () => tellLink("lost", {time: clock(Date.now())}),
  found() {
    tellLink("again");
    setTimeout(() => !feed?.isLost && tellLink(""), AGAIN_MS);
  },
};

/** @param {import("./feed.js").State} event */
function showState(event) {
  if (event.media_zero_utc) {
    zeroMs = Date.parse(event.media_zero_utc);
    if (log) log.zeroMs = zeroMs;
    player?.startClock(zeroMs);
  }
  const was = page.state;
  page.state = event.state;
  const place = document.querySelector("#state .st");
  if (!place) return;
  const [icon, style, text] = sign(event.state, event.reason);
  place.className = `st ${style}`;
  place.querySelector("use")?.setAttribute("href", `${page.icons}#${icon}`);
  const words = place.querySelector("span");
  if (words) words.textContent = text.replace("{time}", zeroMs === null ? "–" : clock(zeroMs + event.t).slice(0, 5));
  if (event.state === "closed") closed();
  else if (event.state === "live" && was !== "live") offerSoon();
}

function closed() {
  feed?.stop();
  tellLink("renew");
}

// What can be heard and seen is known once some of it is recorded: take the choice from a fresh page.
function offerSoon(tries = OFFERS) {
  if (page.mode === "text") setTimeout(() => void offerModes(tries), SPREAD_MS * (1 + Math.random()));
}

/** @param {Document} of */
const offered = (of) => of.querySelectorAll("#follow-by .even a").length;

/** @param {number} tries */
async function offerModes(tries) {
  const fresh = await fetchPage(new URL(location.href));
  if ((!fresh || offered(fresh) < 2) && tries > 0) offerSoon(tries - 1);
  for (const id of ["follow-by", "state"]) {
    const part = fresh?.getElementById(id);
    if (part && !player) document.getElementById(id)?.replaceWith(document.importNode(part, true));
  }
  localTimes(document);
}

/** @param {string} key @param {Record<string, string>} [values] */
function tellLink(key, values = {}) {
  const place = document.getElementById("lost");
  if (!place) return;
  place.hidden = !key;
  place.classList.toggle("wait", key === "lost");
  const words = place.querySelector("span");
  if (words) words.textContent = key && say(key, values);
}

/** Read another language, in place: the sound plays on. @param {URL} address */
async function turnTo(address) {
  const fresh = await fetchPage(address);
  if (!fresh) return location.assign(address);
  feed?.stop();
  log?.stop();
  const now = /** @type {HTMLElement} */ (fresh.getElementById("live"));
  for (const name of ["channel", "language", "cursor", "state"]) page[name] = now.dataset[name];
  for (const part of ["#said", "aside"]) {
    const old = live.querySelector(part);
    const next = fresh.querySelector(part);
    if (old && next) old.replaceWith(document.importNode(next, true));
  }
  if (caption) caption.lang = page.language ?? "";
  history.replaceState(null, "", address);
  begin();
}

/** @param {URL} address */
async function fetchPage(address) {
  try {
    const answer = await fetch(address, {cache: "no-store"});
    if (!answer.ok) return null;
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  } catch {
    return null;
  }
}

/** @param {MouseEvent} event */
function clicked(event) {
  const link = /** @type {Element} */ (event.target).closest("a");
  if (!link || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  if (link.dataset.read && !page.found) {
    event.preventDefault();
    void turnTo(new URL(link.href)).then(() => {
      const chosen = document.querySelector(`[data-read="${CSS.escape(page.channel ?? "")}"]`);
      /** @type {HTMLElement | null} */ (chosen)?.focus({preventScroll: true});
    });
  } else if (link.dataset.hear && player) {
    event.preventDefault();
    hear(link, link.dataset.hear);
  } else if (link.classList.contains("at") && player) {
    const turn = /** @type {HTMLElement | null} */ (link.closest("[data-t]"));
    if (!turn) return;
    event.preventDefault();
    void player.seek(Number(turn.dataset.t));
  }
}

/** @param {HTMLAnchorElement} link @param {string} channel */
function hear(link, channel) {
  for (const other of document.querySelectorAll("a[data-hear]")) other.removeAttribute("aria-current");
  link.setAttribute("aria-current", "true");
  for (const note of document.querySelectorAll("[data-kind]")) {
    const span = /** @type {HTMLElement} */ (note);
    span.hidden = span.dataset.kind !== link.dataset.is;
  }
  history.replaceState(null, "", link.href);
  player?.hear(channel);
}

function showCaption() {
  const heard = player?.t() ?? null;
  page.heard = heard === null ? "" : String(Math.round(heard));
  if (!caption) return;
  const t = heard ?? (page.from ? Number(page.from) : null);
  const text = t === null ? (page.state === "closed" ? "" : captions.newest()) : captions.at(t);
  if (caption.textContent !== text) caption.textContent = text;
}

begin();
if (page.state === "live" && offered(document) < 2) offerSoon();
document.addEventListener("click", clicked);
if (page.mode !== "text") {
  const {Player} = await import("./player.js");
  player = new Player(page, zeroMs);
}
if (caption) setInterval(showCaption, TICK_MS);
