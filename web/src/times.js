// The reader's own time beside Geneva's, where the two differ.

/** Fill every `data-local` under a node. @param {ParentNode} root */
export function localTimes(root) {
  for (const element of root.querySelectorAll("[data-local]")) {
    const span = /** @type {HTMLElement} */ (element);
    const moment = new Date(span.dataset.local ?? "");
    const there = time(moment, "Europe/Zurich");
    const here = time(moment);
    if (here === there) continue;
    span.textContent = (span.dataset.words ?? "{time}").replace("{time}", here);
    span.hidden = false;
  }
}

/** @param {Date} moment @param {string} [timeZone] */
function time(moment, timeZone) {
  return new Intl.DateTimeFormat("en-GB", {hour: "2-digit", minute: "2-digit", timeZone}).format(moment);
}

localTimes(document);
