// An invitation stands behind the # of its link, which no browser sends to a server: move it into the form.

const field = /** @type {HTMLInputElement | null} */ (document.getElementById("invite"));
const form = /** @type {HTMLFormElement | null} */ (document.getElementById("accept"));

function take() {
  if (!field || !form || location.hash.length < 2) return;
  field.value = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, "", location.pathname + location.search);
  form.submit();
}

// A link that is opened where the page stands already changes the # and loads nothing.
addEventListener("hashchange", take);
take();
