// What stands where a hidden passage was: in place of a turn's text, and of all that repeats it.

import {tongue} from "./tongue.js";
import {say} from "./words.js";

/** Take the words out of a turn. @param {Element} turn */
export function bury(turn) {
  turn.classList.add("hid");
  turn.removeAttribute("data-n");
  const place = turn.querySelector(".said, .soft");
  for (const mark of turn.querySelectorAll(".tr, .tongue")) mark.remove();
  if (!place) return;
  place.className = "soft";
  place.removeAttribute("lang");
  place.setAttribute("dir", "auto");
  place.textContent = say("hidden");
}

/**
 * Put what a redaction left of a turn in its place, or say that nothing is left.
 * @param {{segment: string, text: string, language?: string}} kept
 */
export function unbury({segment, text, language}) {
  const turn = /** @type {HTMLElement | null} */ (document.getElementById(segment));
  const place = turn?.querySelector(".said, .soft");
  if (!turn || !place) return;
  if (!text) {
    place.textContent = say("taken");
    return;
  }
  turn.classList.remove("hid");
  turn.querySelector(".tr")?.remove();
  place.className = "said";
  place.setAttribute("lang", document.getElementById("live")?.dataset.language ?? "");
  place.textContent = text;
  tongue(turn, language);
}

/** Take the words out of the turns that are on the page. @param {string[]} segments */
export function buryAll(segments) {
  for (const turn of segments.map((id) => document.getElementById(id))) if (turn) bury(turn);
  const announced = document.getElementById("announced");
  if (announced) announced.textContent = "";
}
