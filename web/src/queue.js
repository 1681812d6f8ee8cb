// The question queue by keyboard, without reloads: every form and link works as it is; here they are only fetched.

import {hide} from "./hide.js";
import {keepKeys as keep, pressed, readKeys, showKeys as showAll} from "./keys.js";

const POLL_MS = 5000;

let keys = readKeys();
let busy = false;

const desk = () => /** @type {HTMLElement} */ (document.getElementById("desk"));

/** Fetch an answer and put its queue in place of ours. @param {string} address @param {RequestInit} [options] */
async function go(address, options = {}) {
  if (busy) return;
  busy = true;
  desk().setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(address, {cache: "no-store", ...options});
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("desk");
    if (!fresh) return location.reload();
    desk().replaceWith(document.importNode(fresh, true));
    if (!options.method || answer.redirected) history.replaceState(null, "", answer.url);
    shown();
    document.getElementById("open")?.focus();
  } catch {
    tell();
  } finally {
    busy = false;
    desk().removeAttribute("aria-busy");
  }
}

// The line is lost: say so, and leave the form as it is.
function tell() {
  const lost = document.getElementById("unsent");
  if (lost) lost.hidden = false;
}

/** @param {HTMLFormElement} form @param {HTMLElement | null} [submitter] */
function send(form, submitter) {
  if (!form.reportValidity()) return;
  const fields = new URLSearchParams();
  for (const [name, value] of new FormData(form, submitter)) fields.append(name, String(value));
  void go(form.action, {method: "POST", body: fields});
}

/** @param {KeyboardEvent} event */
function took(event) {
  const name = pressed(event, keys, ["j", "k", "a", "r", "p", "u", "h"]);
  if (name && act(name)) event.preventDefault();
}

/** @param {string} name @returns {boolean} */
function act(name) {
  const hides = document.getElementById("hide");
  if (name === "h") return hides instanceof HTMLFormElement && Boolean(hide(hides));
  const details = /** @type {HTMLDetailsElement | null} */ (document.querySelector(`#open [data-opens="${name}"]`));
  const found = document.querySelector(`#open [data-key="${name}"], #done [data-key="${name}"]`);
  if (found instanceof HTMLFormElement) send(found);
  else if (found instanceof HTMLAnchorElement) void go(found.href);
  else if (details) {
    details.open = true;
    /** @type {HTMLElement | null} */ (details.querySelector("input:not([type=hidden]), textarea"))?.focus();
  } else return false;
  return true;
}

function shown() {
  const line = document.getElementById("keyline");
  const form = /** @type {HTMLFormElement | null} */ (document.getElementById("keys"));
  if (line) line.hidden = false;
  if (form) showKeys(form);
  showAll(keys);
  void claim();
}

/** @param {HTMLFormElement} form */
function showKeys(form) {
  for (const field of form.querySelectorAll("input")) {
    if (field.name === "on") field.checked = keys.on;
    else field.value = keys.letters[field.name] ?? field.name;
  }
}

/** @param {HTMLFormElement} form */
function keepKeys(form) {
  const letters = /** @type {Record<string, string>} */ ({});
  for (const field of form.querySelectorAll("input")) if (field.name !== "on" && field.value) letters[field.name] = field.value;
  keys = {on: /** @type {HTMLInputElement} */ (form.elements.namedItem("on")).checked, letters};
  keep(keys);
  shown();
}

/** Say what is being read, now and as long as it is: others see it; nothing is locked. */
async function claim() {
  const item = /** @type {HTMLElement | null} */ (document.querySelector("#open[data-item]"))?.dataset.item;
  if (!item || document.visibilityState !== "visible") return;
  try {
    await fetch(`${desk().dataset.base}/${item}/claim`, {method: "POST", body: new URLSearchParams()});
  } catch {
    // Advisory only.
  }
}

async function poll() {
  try {
    const answer = await fetch(`${desk().dataset.base}/position`, {cache: "no-store"});
    const newer = document.getElementById("newer");
    if (answer.ok && newer) newer.hidden = (await answer.json()).position <= Number(desk().dataset.position);
  } catch {
    // The line is lost; what is shown stays.
  }
  void claim();
  setTimeout(poll, POLL_MS * (1 + Math.random()));
}

document.addEventListener("keydown", took);
document.addEventListener("submit", (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  if (form.id === "keys") return event.preventDefault();
  if (form.method !== "post") return;
  event.preventDefault();
  if (form.id === "hide") void hide(form);
  else send(form, event.submitter);
});
document.addEventListener("change", (event) => {
  const form = /** @type {HTMLInputElement} */ (event.target).form;
  if (form?.id === "keys") keepKeys(form);
});
shown();
setTimeout(poll, POLL_MS);
