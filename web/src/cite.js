// Copies the citation. The text stands in a field of its own, so without script it is selected and copied by hand.

const cite = /** @type {HTMLTextAreaElement} */ (document.getElementById("cite"));
const button = /** @type {HTMLButtonElement} */ (document.getElementById("copy"));
const said = /** @type {HTMLElement} */ (document.getElementById("copied"));

if (navigator.clipboard) {
  button.hidden = false;
  button.onclick = async () => {
    try {
      await navigator.clipboard.writeText(cite.value);
      said.textContent = said.dataset.words ?? "";
    } catch {
      cite.select();
    }
  };
}
