// The language of a passage, on a floor of several: set on its words, and named where another was spoken before.

import {languageName} from "./words.js";

const RIGHT_TO_LEFT = /^(ar|dv|fa|he|ps|sd|ug|ur|yi)\b/;

/** Which way a language reads. @param {string} language */
export const direction = (language) => (RIGHT_TO_LEFT.test(language) ? "rtl" : "ltr");

/** Set what words are in; without a language they stay in the channel's. @param {HTMLElement} place @param {string} [language] */
export function speak(place, language) {
  if (!language) return;
  place.lang = language;
  place.dir = direction(language);
}

/** Set what a turn is said in. @param {Element} turn @param {string} [language] */
export function tongue(turn, language) {
  const place = /** @type {HTMLElement | null} */ (turn.querySelector(".said"));
  if (!place || !language) return;
  speak(place, language);
  turn.querySelector(".tongue")?.remove();
  if (before(turn) !== language) place.before(label(language));
}

/** What the turn before is said in. @param {Element} turn */
function before(turn) {
  for (let at = turn.previousElementSibling; at; at = at.previousElementSibling) {
    const said = /** @type {HTMLElement | null} */ (at.querySelector(".said[dir=ltr], .said[dir=rtl]"));
    if (said) return said.lang;
  }
  return "";
}

/** @param {string} language */
function label(language) {
  const line = document.createElement("p");
  line.className = "tongue";
  const name = document.createElement("bdi");
  name.lang = language;
  name.textContent = languageName(language);
  line.append(name);
  return line;
}
