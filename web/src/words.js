// The page's words and times, in the reader's language.

/** @type {any} */
const said = JSON.parse(document.getElementById("words")?.textContent ?? "{}");
const plurals = new Intl.PluralRules(document.documentElement.lang);
const geneva = new Intl.DateTimeFormat("en-GB", {
  timeZone: "Europe/Zurich", hour: "2-digit", minute: "2-digit", second: "2-digit",
});

/** Put values where the braces are. @param {string} text @param {Record<string, string | number>} values */
export const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));

/** @param {string} key @param {Record<string, string | number>} [values] @returns {string} */
export const say = (key, values = {}) => fill(said[key] ?? "", values);

/** Say it in the form the number asks for. @param {string} key @param {number} n @returns {string} */
export const count = (key, n) => fill(said[key][plurals.select(n)] ?? said[key].other, {n});

/**
 * How a state is said; why the source is waited for says more.
 * @param {string} state @param {string} [reason] @returns {[icon: string, style: string, text: string]}
 */
export const sign = (state, reason = "") =>
  (/^(waiting|interrupted)$/.test(state) && said.states[reason]) || said.states[state] || said.states.waiting;

/** @param {string} state @param {number} n @returns {string} */
export const captionsState = (state, n) => fill(said.captions[state] ?? said.captions.paused, {n});

/** The icon of a mark, and how it is said. @param {string} mark @returns {[icon: string, text: string]} */
export const markOf = (mark) => said.marks[mark] ?? said.marks.machine;

/** Geneva time, hh:mm:ss. @param {number} utcMs */
export const clock = (utcMs) => geneva.format(utcMs);

/** Media time, h:mm:ss. @param {number} t */
export function mediaTime(t) {
  const seconds = Math.max(0, Math.floor(t / 1000));
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  return `${Math.floor(seconds / 3600)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

/** A language's name in itself. @param {string} language @returns {string} */
export const languageName = (language) => said.languages?.[language] ?? language;

/** Whether words of the language are set apart by spaces. @param {string} language */
export const space = (language) => (/^(zh|ja|yue|th|lo|my|km)\b/.test(language) ? "" : " ");
