// A screen of the room: takes itself anew every few seconds, and shows Geneva time and the minutes left.

const AGAIN_MS = 5000;
const geneva = new Intl.DateTimeFormat("en-GB", {timeZone: "Europe/Zurich", hour: "2-digit", minute: "2-digit"});

function showClock() {
  for (const place of document.querySelectorAll("[data-clock]")) place.textContent = geneva.format(Date.now());
}

// The server says how much is left: counted down from when it came, a wrong clock here does no harm.
/** @type {WeakMap<Element, number>} */
const ends = new WeakMap();

function countDown() {
  for (const place of document.querySelectorAll("[data-left]")) {
    const end = ends.get(place) ?? performance.now() + Number(/** @type {HTMLElement} */ (place).dataset.left);
    ends.set(place, end);
    place.textContent = String(Math.abs(Math.ceil((end - performance.now()) / 60_000)));
  }
}

async function again() {
  try {
    const answer = await fetch(location.href, {cache: "no-store"});
    if (answer.status === 401 || answer.status === 403) return location.reload();
    if (answer.ok) replace(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch {
    // The line is lost: what is shown stays, and we try again.
  }
  setTimeout(again, AGAIN_MS * (1 + Math.random() / 2));
}

/** @param {Document} fresh */
function replace(fresh) {
  const now = document.getElementById("main");
  const next = fresh.getElementById("main");
  if (!now || !next || now.dataset.was === next.innerText || now.contains(document.activeElement)) return;
  const was = next.innerText;
  next.dataset.was = was;
  now.replaceWith(document.importNode(next, true));
  tick();
}

function tick() {
  showClock();
  countDown();
}

tick();
setInterval(tick, 1000);
setTimeout(again, AGAIN_MS);
