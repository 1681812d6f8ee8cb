// The search page of a site of files: reads what is asked from the address, and shows what was found.

import {clock, count, mediaTime, say} from "../words.js";
import {hit, search} from "./search.js";
import {LAYOUT, Shards} from "./shards.js";
import {VERSION} from "./terms.js";

const PAGE = 10;
const MOST_CHOICES = 12;
const FILTERS = ["language", "body", "dialogue", "meeting", "from", "to"];
const asked = new URLSearchParams(location.search);
const found = element("found");
const {find, texts, meetings, part} = /** @type {Record<string, string>} */ ({...found.dataset});
const language = document.documentElement.lang;
const day = new Intl.DateTimeFormat({en: "en-GB", ar: "ar-u-nu-latn"}[language] ?? language, {
  timeZone: "Europe/Zurich", day: "numeric", month: "long", year: "numeric",
});
/** @type {Record<string, string>} */
const LANGUAGES = JSON.parse(element("words").textContent).languages;

const given = (/** @type {string} */ name) => (asked.get(name) ?? "").trim().slice(0, 200);
/** @type {import("./search.js").Wanted} */
const wanted = {
  text: given("q").split(/\s+/).filter(Boolean).join(" "),
  newest: given("order") === "newest",
  language: given("language"),
  body: given("body"),
  dialogue: given("dialogue"),
  meeting: given("meeting"),
  from: given("from"),
  to: given("to"),
};
const page = Math.max(1, Math.min(100, Number.parseInt(asked.get("page") ?? "1", 10) || 1));

setForms();
if (wanted.text) show().catch(() => tell(say("anew")));
else element("plain").querySelector(".say")?.remove();

async function show() {
  element("plain").hidden = true;
  found.hidden = false;
  element("count").textContent = say("searching");
  document.title += `: ${wanted.text}`;
  const shards = await Shards.open(find);
  const {directory} = shards;
  if (directory.layout !== LAYOUT || directory.analyser !== VERSION) throw new Error("version");
  const result = await search(shards, wanted);
  const chosen = result.matches.slice((page - 1) * PAGE, page * PAGE);
  const hits = await Promise.all(chosen.map((one) => hit(texts, directory, one, result.phrases[one.language])));
  element("hits").replaceChildren(...chosen.map((one, n) => lineOf(directory, one, hits[n])));
  const many = result.matches.length;
  element("count").replaceChildren(count("moments", many), " ");
  if (many) element("count").append(soft(count("in", result.meetings)));
  if (result.reason) tell(because(result.reason));
  else if (!chosen.length) tell(say("no-more"));
  else setOrder();
  setPages(many);
  setChoices(directory, result);
}

/**
 * @param {import("./shards.js").Directory} directory @param {import("./search.js").Match} match
 * @param {import("./search.js").Hit} shown
 */
function lineOf({meetings: known}, match, shown) {
  const [number, channel, spoken, floor] = match.channel;
  const [id, title, , , , , dayMs, zeroMs] = known[number];
  const line = make("li", "stack");
  const said = make("p", "said", {lang: spoken, dir: "auto"});
  said.append(shown.cutBefore ? "… " : "", ...marked(shown), shown.cutAfter ? " …" : "");
  const file = Math.floor(shown.n / Number(part));
  const link = make("a", "ref", {
    href: `${meetings}/${id}/${channel}/${file ? `part-${file + 1}` : "index"}.html#${channel}.${shown.n}`,
    title: mediaTime(shown.t0),
  });
  const at = zeroMs === null ? mediaTime(shown.t0) : clock(zeroMs + shown.t0);
  link.append(make("bdi", "", {}, title), `, ${day.format(zeroMs ?? dayMs)}, ${at}`);
  const where = make("p", "line");
  where.append(link);
  if (floor) where.append(" ", make("span", "tr", {}, say("floor")));
  where.append(" ", make("span", "tr", {}, JSON.parse(element("words").textContent).marks[shown.state]));
  line.append(said, where);
  return line;
}

/** @param {import("./search.js").Hit} shown */
function marked({text, marks}) {
  const pieces = marks.flatMap(([start, end], n) =>
    [text.slice(marks[n - 1]?.[1] ?? 0, start), make("mark", "", {}, text.slice(start, end))]);
  return [...pieces, text.slice(marks.at(-1)?.[1] ?? 0)];
}

/** @param {import("./search.js").Reason} reason */
function because({code, languages = [], excluded = 0, missing = []}) {
  if (code === "filters") return count("filters", excluded);
  if (code === "no-text" && wanted.language) return say("no-text-here");
  return say(code, {
    languages: languages.map(([key]) => LANGUAGES[key]).join(", "),
    words: missing.map((quote) => say("quoted", {quote})).join(", "),
  });
}

/** Say why there is nothing. @param {string} text */
function tell(text) {
  element("plain").hidden = true;
  found.hidden = false;
  if (element("count").textContent === say("searching")) element("count").textContent = "";
  const place = element("because");
  const [said, more] = place.children;
  place.hidden = false;
  said.textContent = text;
  const [link] = more.children;
  link.setAttribute("href", here(Object.fromEntries([...FILTERS, "page"].map((name) => [name, ""]))));
  /** @type {HTMLElement} */ (more).hidden = !FILTERS.some((name) => asked.get(name));
}

function setOrder() {
  const [now, other] = JSON.parse(element("words").textContent)[wanted.newest ? "newest" : "closest"];
  const [said, link] = element("order").children;
  said.textContent = now;
  link.textContent = other;
  link.setAttribute("href", here({order: wanted.newest ? "" : "newest", page: ""}));
  element("order").hidden = false;
}

/** @param {number} many */
function setPages(many) {
  const links = [];
  if (page > 1) links.push(make("a", "", {href: here({page: page === 2 ? "" : String(page - 1)})}, say("before")));
  if (many > page * PAGE) links.push(make("a", "", {href: here({page: String(page + 1)})}, say("after")));
  element("pages").replaceChildren(...links);
  element("pages").hidden = !links.length;
}

/** @param {import("./shards.js").Directory} directory @param {import("./search.js").Found} result */
function setChoices({meetings: known}, result) {
  const reviews = Object.fromEntries(known.map((one) => [one[4], one[5]]));
  /** @type {[string, import("./search.js").Count[], Record<string, string>][]} */
  const by = [
    ["language", result.languages, LANGUAGES], ["body", result.bodies, {}], ["dialogue", result.dialogues, reviews],
  ];
  for (const [name, counts, labels] of by) {
    const now = asked.get(name) ?? "";
    const there = counts.slice(0, MOST_CHOICES);
    if (now && !there.some(([key]) => key === now)) there.unshift([now, 0]);
    if (there.length < 2 && !now) continue;
    const list = make("ul", "list tight");
    for (const [key, hits] of there) list.append(choice(name, key, labels[key] ?? key, hits, key === now));
    const section = make("section");
    section.append(make("h2", "h", {}, say(name)), list);
    element("choices").append(section);
  }
}

/** @param {string} name @param {string} key @param {string} label @param {number} hits @param {boolean} chosen */
function choice(name, key, label, hits, chosen) {
  const link = make("a", "", {href: here({[name]: chosen ? "" : key, page: ""}), ...(chosen && {"aria-current": "true"})});
  link.append(make("bdi", "", name === "language" && key !== "other" ? {lang: key} : {}, label));
  if (chosen) link.append(" ", soft(say("chosen")));
  const line = make("li", "ct");
  line.append(link, make("span", "soft num", {}, String(hits)));
  return line;
}

/** Put what was asked into the forms, so that one keeps what the other says. */
function setForms() {
  for (const form of ["ask", "days"]) {
    for (const name of ["q", "order", ...FILTERS]) {
      const field = element(form).querySelector(`input[name="${name}"]`);
      if (field instanceof HTMLInputElement) field.value = given(name);
      else if (given(name)) element(form).append(make("input", "", {type: "hidden", name, value: given(name)}));
    }
  }
}

/** This page's address with some of what is asked changed. @param {Record<string, string>} changes */
function here(changes) {
  const query = new URLSearchParams(asked);
  for (const [name, value] of Object.entries(changes)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  return `?${query}`;
}

/** @param {string} text */
const soft = (text) => make("span", "soft", {}, text);

/** @param {string} tag @param {string} [style] @param {Record<string, string>} [attributes] @param {string} [text] */
function make(tag, style = "", attributes = {}, text = "") {
  const made = document.createElement(tag);
  if (style) made.className = style;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text) made.textContent = text;
  return made;
}

/** @param {string} id */
function element(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}
