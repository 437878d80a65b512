const META = "meta[name=notifications]";
const SENT = "notificationsZoneSent";

/**
 * Send the browser's time zone for a person who has none, once; they can choose another.
 * A page without a form has no token to send it with.
 */
export async function start() {
  const { preferences, user } = document.querySelector(META).dataset;
  const token = document.querySelector("[name=csrfmiddlewaretoken]")?.value;
  const { timeZone } = new Intl.DateTimeFormat().resolvedOptions();
  const sent = `${user} ${timeZone}`;
  if (!token || !timeZone || storage()[SENT] === sent) return;
  const headers = { Accept: "application/json", "X-CSRFToken": token };
  const body = new URLSearchParams({ browser_time_zone: timeZone });
  const options = { method: "POST", headers, body };
  const reply = await fetch(preferences, options).catch(() => null);
  if (reply?.ok) storage()[SENT] = sent;
}

/** Access to the storage may be denied. */
function storage() {
  try {
    return sessionStorage;
  } catch {
    return {};
  }
}
