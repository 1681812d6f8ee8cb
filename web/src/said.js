// What is being said, for those who may hide it: the list reads on by itself, but holds still under a hand.

import {Feed} from "./feed.js";
import {hide} from "./hide.js";
import {pressed, readKeys, showKeys} from "./keys.js";

const GATHER_MS = 700;

const page = /** @type {HTMLElement} */ (document.getElementById("desk")).dataset;
const lines = /** @type {HTMLElement} */ (document.getElementById("lines"));
const keys = readKeys();
let timer = 0;

/** @param {number} [ms] */
function refreshSoon(ms = GATHER_MS) {
  clearTimeout(timer);
  timer = setTimeout(refresh, ms);
}

// A list that moves makes a hand hide the wrong passage.
const isHeld = () => lines.matches(":hover") || lines.contains(document.activeElement);

async function refresh(force = false) {
  if (isHeld() && !force) return refreshSoon();
  try {
    const answer = await fetch(location.href, {cache: "no-store"});
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const id of ["told", "lines"]) put(id, fresh);
    const now = fresh.getElementById("hidden-now");
    /** @type {HTMLElement} */ (document.getElementById("hidden-now")).hidden = !now || now.hidden;
  } catch {
    refreshSoon();
  }
}

/** Put the fresh rows in; a row that has not changed stays where it is, and keeps the focus. @param {string} id @param {Document} fresh */
function put(id, fresh) {
  const list = /** @type {HTMLElement} */ (document.getElementById(id));
  const known = new Map([...list.children].map((row) => [row.id, row]));
  const rows = [...(fresh.getElementById(id)?.children ?? [])].map((row) => {
    const old = known.get(row.id);
    return old?.outerHTML === row.outerHTML ? old : document.importNode(row, true);
  });
  for (const row of known.values()) if (!rows.includes(row)) row.remove();
  let at = list.firstElementChild;
  for (const row of rows) {
    if (row === at) at = at.nextElementSibling;
    else list.insertBefore(row, at);
  }
}

const grown = () => refreshSoon();
const changed = () => void refresh(true);
const nothing = () => {};

new Feed(`/api/meetings/${page.meeting}/events?channel=${page.channel}&drafts=no`, page.cursor ?? "", {
  words: grown, segment: grown, gap: grown, quiet: nothing, state: nothing, draft: nothing, captions: nothing,
  turn: nothing, hidden: changed, shown: changed, kept: changed, corrected: changed, erased: nothing, stale: changed, lost: nothing, found: nothing,
}).start();

document.addEventListener("keydown", (event) => {
  const form = document.getElementById("hide");
  if (!(form instanceof HTMLFormElement) || !pressed(event, keys, ["h"])) return;
  event.preventDefault();
  void hide(form);
});
document.addEventListener("submit", (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  const act = form.elements.namedItem("act");
  if (!(act instanceof HTMLInputElement) || act.value === "show") return;
  event.preventDefault();
  void hide(form);
});
showKeys(keys);
