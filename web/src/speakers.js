// Set who speaks by one key, in place: a digit, or a press on the name. The forms work without this.

import {Feed} from "./feed.js";
import {pressed, readKeys, showKeys} from "./keys.js";

const DIGITS = [..."0123456789"];
const TRIES = 4;
const AGAIN_MS = 400;
const GATHER_MS = 500;
const PARTS = ["who-status", "speak", "turns", "known"];

const keys = readKeys();
let busy = false;
let timer = 0;

/** Send a form until it is there: a repeat sets the same turn. @param {HTMLFormElement} form @param {HTMLElement | null} submitter */
async function send(form, submitter) {
  if (busy) return;
  busy = true;
  const pressedAt = performance.now();
  const body = new URLSearchParams();
  for (const [name, value] of new FormData(form, submitter)) body.append(name, String(value));
  const heard = document.getElementById("live")?.dataset.heard;
  if (heard) body.append("t", heard);
  const isDone = await sent(form.getAttribute("action") ?? "", body, pressedAt);
  busy = false;
  if (!isDone) tell(true);
}

/** @param {string} address @param {URLSearchParams} body @param {number} pressedAt */
async function sent(address, body, pressedAt) {
  const here = new URL(address, location.href);
  here.searchParams.delete("back");
  for (let tries = TRIES; tries > 0; tries--) {
    body.set("ago", String(Math.round(performance.now() - pressedAt)));
    try {
      const answer = await fetch(here, {method: "POST", body, signal: AbortSignal.timeout(5000)});
      if (answer.ok || answer.status === 409) put(await answer.text());
      if (answer.status < 500) return answer.ok;
    } catch {
      // The line is lost for now.
    }
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
  return false;
}

/** Put the fresh parts in, but for what is under a hand. @param {string} html */
function put(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  for (const id of PARTS) {
    const [now, next] = [document.getElementById(id), fresh.getElementById(id)];
    if (!now || !next) continue;
    if (id === "turns") rows(now, next);
    else fill(now, document.importNode(next, true));
  }
  tell(false);
  showKeys(keys);
}

/** The page's own forms lead where they led, and a key that has the focus keeps it. @param {HTMLElement} now @param {HTMLElement} next */
function fill(now, next) {
  const to = document.getElementById("speak")?.getAttribute("action");
  for (const form of next.querySelectorAll("form")) if (to) form.setAttribute("action", to);
  const focused = now.contains(document.activeElement) ? document.activeElement?.getAttribute("data-key") : null;
  now.replaceChildren(...next.childNodes);
  if (focused) /** @type {HTMLElement | null} */ (now.querySelector(`[data-key="${CSS.escape(focused)}"]`))?.focus();
}

/** A row that has not changed stays, and one that is being typed in too. @param {HTMLElement} now @param {HTMLElement} next */
function rows(now, next) {
  const typing = document.activeElement?.closest("#turns > li");
  const known = new Map([...now.children].map((row) => [row.id, row]));
  const fresh = [...next.children].map((row) => known.get(row.id) ?? document.importNode(row, true));
  for (const row of known.values()) if (row !== typing && !fresh.includes(row)) row.remove();
  let at = now.firstElementChild;
  for (const row of fresh) {
    if (at === typing && row !== typing && !fresh.includes(/** @type {Element} */ (typing))) at = at?.nextElementSibling ?? null;
    if (row === at) at = at.nextElementSibling;
    else now.insertBefore(row, at);
  }
}

/** @param {boolean} isBad */
function tell(isBad) {
  const place = document.getElementById("unset");
  if (place) place.hidden = !isBad;
}

// Others set turns too, and mend them.
function refreshSoon() {
  clearTimeout(timer);
  timer = setTimeout(refresh, GATHER_MS);
}

async function refresh() {
  const form = document.getElementById("speak");
  if (busy) return refreshSoon();
  if (!(form instanceof HTMLFormElement)) return;
  const meeting = form.elements.namedItem("meeting");
  const address = new URL(form.getAttribute("action") ?? "", location.href);
  address.search = "";
  if (meeting instanceof HTMLInputElement) address.searchParams.set("meeting", meeting.value);
  const language = new URLSearchParams(location.search).get("l");
  if (language) address.searchParams.set("l", language);
  try {
    const answer = await fetch(address, {cache: "no-store"});
    if (answer.ok) put(await answer.text());
  } catch {
    refreshSoon();
  }
}

document.addEventListener("keydown", (event) => {
  const digit = pressed(event, keys, DIGITS);
  const form = document.getElementById("speak");
  if (digit === undefined || event.repeat || !(form instanceof HTMLFormElement)) return;
  const button = /** @type {HTMLButtonElement | null} */ (form.querySelector(`[data-key="${digit}"]`));
  if (!button) return;
  event.preventDefault();
  void send(form, button);
});
document.addEventListener("submit", (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  if (!form.closest("#who-now")) return;
  event.preventDefault();
  void send(form, event.submitter);
});
document.addEventListener("turn", refreshSoon);
showKeys(keys);

const desk = document.getElementById("desk");
if (desk) {
  const nothing = () => {};
  new Feed(`/api/meetings/${desk.dataset.meeting}/events?drafts=no&channel=${desk.dataset.channel}`, desk.dataset.cursor ?? "", {
    words: nothing, segment: nothing, gap: nothing, quiet: nothing, state: nothing, draft: nothing, captions: nothing,
    turn: refreshSoon, hidden: nothing, shown: nothing, kept: nothing, corrected: nothing, erased: nothing, stale: refreshSoon, lost: nothing, found: nothing,
  }).start();
}
