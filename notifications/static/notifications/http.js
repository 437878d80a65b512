/** Fetch a page of the site; return it as a document, or null if that fails. */
export async function fetchPage(address, options) {
  const headers = { Accept: "text/html" };
  const response = await fetch(address, { headers, ...options }).catch(() => null);
  if (!response?.ok) return null;
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

/** Send a form by one of its buttons the plain way, which shows what is wrong. */
export function sendPlainly(button) {
  button.form.addEventListener("submit", (event) => event.stopPropagation());
  button.form.requestSubmit(button);
}
