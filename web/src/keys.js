// Which letters do what at the desk: the person's own choice, kept in this browser; they can be switched off.

const KEPT = "hearing.keys";

/** @typedef {{on: boolean, letters: Record<string, string>}} Keys */

/** @returns {Keys} */
export function readKeys() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEPT) ?? "{}");
    return {on: kept.on !== false, letters: {...(kept.letters ?? {})}};
  } catch {
    return {on: true, letters: {}};
  }
}

/** @param {Keys} keys */
export function keepKeys(keys) {
  try {
    localStorage.setItem(KEPT, JSON.stringify(keys));
  } catch {
    // Nothing is kept here: they hold until the page is left.
  }
}

/** Show every key where it is named. @param {Keys} keys */
export function showKeys(keys) {
  for (const place of document.querySelectorAll("kbd[data-shows]")) {
    const name = /** @type {HTMLElement} */ (place).dataset.shows ?? "";
    /** @type {HTMLElement} */ (place).hidden = !keys.on;
    place.textContent = keys.letters[name] ?? name;
  }
}

/** Which of these acts a key asks for, if any; what is being typed is no command. @param {KeyboardEvent} event @param {Keys} keys @param {string[]} names */
export function pressed(event, keys, names) {
  const at = /** @type {HTMLElement} */ (event.target);
  if (!keys.on || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return undefined;
  if (at.matches("textarea, select, input:not([type=radio], [type=checkbox])")) return undefined;
  const name = names.find((one) => (keys.letters[one] ?? one) === event.key);
  return name === "h" && event.repeat ? undefined : name;
}
