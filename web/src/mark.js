// A corrected passage: its new words in place of the old ones, and who answers for them.

import {markOf} from "./words.js";

/** Put a corrected text in its place, with its mark. @param {import("./feed.js").Corrected} event */
export function correct({segment, text, mark}) {
  const turn = document.getElementById(segment);
  const place = turn?.querySelector(".said");
  if (!turn || !place) return;
  place.textContent = text;
  sign(turn, mark);
}

/** Say who answers for a passage. @param {Element} turn @param {string} mark */
export function sign(turn, mark) {
  turn.querySelector(".tr")?.remove();
  turn.append(label(mark));
}

/** @param {string} mark */
function label(mark) {
  const [icon, text] = markOf(mark);
  const line = document.createElement("p");
  line.className = "tr";
  const icons = document.getElementById("live")?.dataset.icons ?? "";
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "i");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `${icons}#${icon}`);
  svg.append(use);
  line.append(svg, text);
  return line;
}
