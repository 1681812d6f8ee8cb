// Setting a meeting up: rows to spare are hidden until they are asked for, and a row can be taken out. A link is copied.

/** Whether nothing stands in a row. @param {Element} row */
const empty = (row) => fields(row).every((field) => field.type === "hidden" || field.name === "kind" || !field.value);

/** @param {Element} row @returns {(HTMLInputElement | HTMLSelectElement)[]} */
const fields = (row) => [...row.querySelectorAll("input, select")].map((one) => /** @type {HTMLInputElement} */ (one));

/** @param {string} text @param {() => void} act */
function button(text, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "lnk";
  made.textContent = text;
  made.onclick = act;
  return made;
}

/** @param {HTMLElement} list */
function arrange(list) {
  const rows = /** @type {HTMLElement[]} */ ([...list.children]);
  let shown = Math.max(1, ...rows.map((row, at) => (empty(row) ? 0 : at + 1)));
  const more = button(list.dataset.rows ?? "", () => {
    shown += 1;
    show();
    fields(rows[shown - 1]).find((field) => field.type !== "hidden")?.focus();
  });
  const show = () => {
    rows.forEach((row, at) => (row.hidden = at >= shown));
    more.hidden = shown === rows.length;
  };
  for (const [at, row] of rows.entries()) {
    const remove = button(list.dataset.remove ?? "", () => {
      for (let to = at; to < rows.length; to++) take(rows[to], rows[to + 1]);
      shown = Math.max(1, shown - 1);
      show();
      fields(rows[Math.min(at, shown - 1)]).find((field) => field.type !== "hidden")?.focus();
    });
    remove.setAttribute("aria-label", `${list.dataset.remove} ${at + 1}`);
    row.append(remove);
  }
  list.after(more);
  show();
}

/** What stands in the next row moves up; the last becomes empty. @param {Element} row @param {Element} [next] */
function take(row, next) {
  const from = next ? fields(next) : [];
  for (const [at, field] of fields(row).entries()) {
    const other = from[at];
    if (field instanceof HTMLSelectElement && other instanceof HTMLSelectElement) offer(field, other);
    field.value = other?.value ?? (field.name === "kind" ? "interpretation" : "");
  }
}

/** A language that only the other row offers. @param {HTMLSelectElement} to @param {HTMLSelectElement} from */
function offer(to, from) {
  const chosen = from.selectedOptions[0];
  if (chosen && ![...to.options].some((one) => one.value === chosen.value)) to.add(/** @type {HTMLOptionElement} */ (chosen.cloneNode(true)));
}

/** @param {HTMLInputElement} link */
function offerCopy(link) {
  const copy = button(link.dataset.copy ?? "", async () => {
    link.select();
    await navigator.clipboard.writeText(link.value).then(() => (copy.textContent = link.dataset.copied ?? ""), () => {});
  });
  link.after(copy);
}

for (const list of document.querySelectorAll("[data-rows]")) arrange(/** @type {HTMLElement} */ (list));
for (const link of document.querySelectorAll("[data-copy]")) offerCopy(/** @type {HTMLInputElement} */ (link));
