/**
 * Fetch a page of the site and return it as a document, or null on failure. The document
 * is empty for a page that does not exist.
 */
export async function fetchPage(url, options) {
  const { user } = document.querySelector("meta[name=notifications]").dataset;
  const headers = { Accept: "text/html", "Notifications-User": user };
  const response = await fetch(url, { headers, ...options }).catch(() => null);
  if (response?.status === 404) return document.implementation.createHTMLDocument("");
  if (!response?.ok) return null;
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

/** Submit a form without scripts, so that the browser shows the error. */
export function submitNatively(button) {
  button.form.addEventListener("submit", (event) => event.stopPropagation());
  button.form.requestSubmit(button);
}
