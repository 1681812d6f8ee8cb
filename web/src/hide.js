// Hide by one key, in place: what is typed or open on the page stays as it is. The form works without this.

const TRIES = 4;
const AGAIN_MS = 400;

let busy = false;

/** Send the form that hides; a repeat is the same passage, so it is tried again until it is there. @param {HTMLFormElement} form */
export async function hide(form) {
  if (busy) return false;
  busy = true;
  tell("");
  const body = new URLSearchParams();
  for (const [name, value] of new FormData(form)) body.append(name, String(value));
  const isDone = await send(form.action, body);
  busy = false;
  tell(isDone ? "hid" : "unhid");
  if (isDone) renew(form);
  return isDone;
}

/** @param {string} address @param {URLSearchParams} body */
async function send(address, body) {
  for (let tries = TRIES; tries > 0; tries--) {
    try {
      const answer = await fetch(address, {method: "POST", body, redirect: "manual", signal: AbortSignal.timeout(5000)});
      if (answer.type === "opaqueredirect") return true;
      if (answer.status < 500) return false;
    } catch {
      // The line is lost for now.
    }
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
  return false;
}

// The next press is another passage.
/** @param {HTMLFormElement} form */
function renew(form) {
  const field = form.elements.namedItem("passage");
  if (!(field instanceof HTMLInputElement) || form.id !== "hide") return;
  field.value = [...crypto.getRandomValues(new Uint8Array(8))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {string} shown */
function tell(shown) {
  for (const id of ["hid", "unhid"]) {
    const place = document.getElementById(id);
    if (place) place.hidden = id !== shown;
  }
}
