// Questions, notices and the agenda beside the live text: taken anew every few seconds; unchanged they cost a few bytes.

const AGAIN_MS = 5000;

/** @param {string} address */
async function again(address) {
  if (document.visibilityState === "visible") await take(address);
  setTimeout(() => again(address), AGAIN_MS * (1 + Math.random()));
}

let tag = "";
let sent = false;

/** @param {string} address */
async function take(address) {
  try {
    const answer = await fetch(address, {cache: "no-store", headers: tag ? {"If-None-Match": tag} : {}});
    if (answer.status !== 200) return;
    const first = !tag;
    tag = answer.headers.get("ETag") ?? "";
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("asked");
    const agenda = page.getElementById("agenda");
    if (agenda) document.getElementById("agenda")?.replaceWith(document.importNode(agenda, true));
    const now = document.getElementById("asked");
    if (!fresh || !now || (first && fresh.textContent === now.textContent)) return;
    if (now.contains(document.activeElement) && !sent) tag = "";
    else replace(now, document.importNode(fresh, true));
  } catch {
    // The line is lost: what is shown stays, and we try again.
  }
}

/** What the reader opened stays open. @param {HTMLElement} now @param {HTMLElement} fresh */
function replace(now, fresh) {
  for (const opened of now.querySelectorAll("details[open]")) fresh.querySelector(`#${opened.id}`)?.setAttribute("open", "");
  now.replaceWith(fresh);
}

/** Press a button without leaving the page. @param {SubmitEvent} event @param {string} address */
async function send(event, address) {
  const form = /** @type {HTMLFormElement} */ (event.target);
  if (!("again" in form.dataset)) return;
  event.preventDefault();
  const fields = new URLSearchParams(/** @type {any} */ (new FormData(form)));
  try {
    await fetch(form.action, {method: "POST", body: fields, redirect: "manual"});
    sent = true;
    await take(address);
    document.getElementById("asked")?.querySelector("a")?.focus({preventScroll: true});
  } catch {
    form.submit();
  } finally {
    sent = false;
  }
}

const live = document.getElementById("live");
if (live && document.getElementById("asked")) {
  const language = new URL(location.href).searchParams.get("l");
  const address = `/m/${live.dataset.meeting}/asked${language ? `?l=${language}` : ""}`;
  document.addEventListener("submit", (event) => void send(event, address));
  void again(address);
}
