// The page of a captioner: what is typed goes out by itself, each line once, and what readers see is read on.

import {Feed} from "./feed.js";

const AGAIN_MS = 2000;
const TYPING_MS = 5000;
const GATHER_MS = 500;
const PATIENCE_MS = 15_000;
// A sentence is over: its sign, and, where words are set apart, a space after it.
const OVER = /[.!?…؟۔]["'”»)\]]?\s$|[。！？][”」』）]?$/u;

/** @param {string} id */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const page = byId("desk").dataset;
const form = /** @type {HTMLFormElement} */ (document.getElementById("typing"));
const field = /** @type {HTMLTextAreaElement} */ (document.getElementById("text"));
const language = /** @type {HTMLSelectElement | null} */ (document.getElementById("language"));
/** @type {{text: string, line: string, language?: string}[]} */
const queue = [];
let isSending = false;
let typedAt = -TYPING_MS;
let timer = 0;

/** A name for a line, so that it counts once however often it is sent. */
function name() {
  return [...crypto.getRandomValues(new Uint8Array(8))].map((one) => one.toString(16).padStart(2, "0")).join("");
}

function take() {
  const text = field.value.trim();
  if (!text) return;
  field.value = "";
  queue.push({text, line: name(), ...(language && {language: language.value})});
  showWaiting();
  void send();
}

async function send() {
  if (isSending) return;
  isSending = true;
  while (queue.length) {
    const answer = await post({act: "line", ...queue[0]});
    if (answer === "refused") break;
    if (answer === "sent") queue.shift();
    else await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    showWaiting();
  }
  isSending = false;
}

/**
 * Send a form as the page would, and show the page that answers it.
 * @param {Record<string, string>} fields @returns {Promise<"sent" | "refused" | "lost">}
 */
async function post(fields) {
  const body = new URLSearchParams(/** @type {any} */ (new FormData(form)));
  for (const [key, value] of Object.entries(fields)) body.set(key, value);
  try {
    const answer = await fetch(form.action, {method: "POST", body, cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS)});
    if (answer.status >= 500) return "lost";
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (answer.status === 401 || answer.status === 403) location.reload();
    tell(fresh);
    show(fresh);
    if (answer.ok) return "sent";
    giveBack(fields);
    return "refused";
  } catch {
    return "lost";
  }
}

// What was not taken comes back under the hand, before what was typed since.
/** @param {Record<string, string>} fields */
function giveBack(fields) {
  if (fields.act !== "line") return;
  field.value = [...queue.splice(0).map((one) => one.text), field.value].filter(Boolean).join("\n");
  showWaiting();
}

function showWaiting() {
  const list = byId("waiting");
  list.hidden = !queue.length;
  list.replaceChildren(...queue.map(({text}) => {
    const row = document.createElement("li");
    row.dir = "auto";
    row.className = "soft";
    row.textContent = text;
    return row;
  }));
}

// What an answer says stays until the next one; a page that is read on says nothing of it.
/** @param {Document} fresh */
function tell(fresh) {
  document.getElementById("trouble")?.remove();
  const told = fresh.getElementById("trouble");
  if (told) byId("parts").before(document.importNode(told, true));
}

/** @param {Document} fresh */
function show(fresh) {
  const next = fresh.getElementById("switch");
  const now = byId("switch");
  if (next && next.innerHTML !== now.innerHTML && !now.contains(document.activeElement)) replaceSwitch(now, next);
  put(fresh);
}

// The status is a live region: the same one must stay for a screen reader to say what is new in it.
/** @param {HTMLElement} now @param {HTMLElement} next */
function replaceSwitch(now, next) {
  const [status, ...rest] = [...document.importNode(next, true).children];
  byId("writes").replaceChildren(...status.childNodes);
  now.dataset.writes = next.dataset.writes;
  for (const old of [...now.children].slice(1)) old.remove();
  now.append(...rest);
}

/** Put the fresh passages in; one that has not changed, or that is being mended, stays. @param {Document} fresh */
function put(fresh) {
  const list = byId("lines");
  const known = new Map([...list.children].map((row) => [row.id, row]));
  const rows = [...(fresh.getElementById("lines")?.children ?? [])].map((row) => {
    const old = known.get(row.id);
    return old && (old.querySelector("details[open]") || old.outerHTML === row.outerHTML) ? old : document.importNode(row, true);
  });
  for (const row of known.values()) if (!rows.includes(row)) row.remove();
  let at = list.firstElementChild;
  for (const row of rows) {
    if (row === at) at = at.nextElementSibling;
    else list.insertBefore(row, at);
  }
}

function refreshSoon() {
  clearTimeout(timer);
  timer = setTimeout(refresh, GATHER_MS);
}

async function refresh() {
  try {
    const answer = await fetch(location.href, {cache: "no-store"});
    if (answer.ok) show(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch {
    refreshSoon();
  }
}

field.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  take();
});
field.addEventListener("input", (event) => {
  if (/** @type {InputEvent} */ (event).isComposing) return;
  if (OVER.test(field.value)) return take();
  // Who is in the middle of a long line has not fallen silent.
  if (byId("switch").dataset.writes !== "captioner" || performance.now() - typedAt < TYPING_MS) return;
  typedAt = performance.now();
  void post({act: "typing"});
});
field.addEventListener("compositionend", () => {
  if (OVER.test(field.value)) take();
});
language?.addEventListener("change", () => {
  field.lang = language.value;
  field.focus();
});
// The page that answers to any of its forms has the same language chosen.
if (language) document.addEventListener("formdata", ({formData}) => formData.set("language", language.value));
form.addEventListener("submit", (event) => {
  event.preventDefault();
  take();
  field.focus();
});
byId("how").textContent = byId("how").dataset.keys ?? "";

const nothing = () => {};
new Feed(`/api/meetings/${page.meeting}/events?channel=${page.channel}&drafts=no`, page.cursor ?? "", {
  words: refreshSoon, segment: refreshSoon, gap: nothing, quiet: nothing, state: refreshSoon, draft: nothing, captions: refreshSoon,
  turn: nothing, hidden: refreshSoon, shown: refreshSoon, kept: refreshSoon, corrected: refreshSoon, erased: nothing,
  stale: refreshSoon, lost: nothing, found: nothing,
}).start();
