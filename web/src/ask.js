// The form for a question: how many characters are left. Nothing is stored, nothing is sent before Send is pressed.

const text = /** @type {HTMLTextAreaElement} */ (document.getElementById("text"));
const left = /** @type {HTMLElement} */ (document.getElementById("text-left"));
const form = /** @type {HTMLFormElement} */ (document.getElementById("ask"));

function count() {
  const kind = /** @type {HTMLElement | null} */ (form.querySelector("[name=kind]:checked"));
  const most = Number(kind?.dataset.most ?? text.maxLength);
  const rest = most - [...text.value.trim()].length;
  left.hidden = rest > most / 4;
  left.textContent = (left.dataset.words ?? "{n}").replace("{n}", String(rest));
  left.classList.toggle("bad", rest < 0);
}

form.addEventListener("input", count);
count();
