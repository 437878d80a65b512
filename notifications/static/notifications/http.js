/**
 * Fetch a page of the site and return it as a document, or null on failure. The document
 * is empty for a page that does not exist.
 */
export async function fetchPage(url, options) {
  return pageOf(await requestPage(url, options));
}

/** Request a page of the site; return the response, or null if the network is away. */
export function requestPage(url, options) {
  const { user } = document.querySelector("meta[name=notifications]").dataset;
  const headers = { Accept: "text/html", "Notifications-User": user };
  return fetch(url, { headers, ...options }).catch(() => null);
}

/** Return the document of a response as `fetchPage` does. */
export async function pageOf(response) {
  if (response?.status === 404) return document.implementation.createHTMLDocument("");
  if (!response?.ok) return null;
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

// In milliseconds: how long a POST may take.
const POST_TIMEOUT = 10_000;

/**
 * Post fields, with the token of a form or element; return the response, or null on
 * failure. The request continues when the page is left.
 */
export function post(url, fields, { within }) {
  const { value } = within.querySelector("[name=csrfmiddlewaretoken]");
  const headers = { Accept: "application/json", "X-CSRFToken": value };
  const signal = AbortSignal.timeout(POST_TIMEOUT);
  const body = new URLSearchParams(fields);
  const options = { method: "POST", headers, body, keepalive: true, signal };
  return fetch(url, options).catch(() => null);
}

/** Submit a form without scripts, so that the browser shows the error. */
export function submitNatively(button) {
  button.form.addEventListener("submit", (event) => event.stopPropagation());
  button.form.requestSubmit(button);
}
