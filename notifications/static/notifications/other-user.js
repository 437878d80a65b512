const PRIVATE = "[data-notifications-private]";
const ACTIONS = "form.notifications-follow button, notification-bell button";

/**
 * Show that `user` is signed in now instead of the person for whom the page was made,
 * or that nobody is; hide what was private. `texts` has `textOtherUser`, `textSignedOut`,
 * `textReload`, `textSignIn` and `signIn`, the address of the sign-in page.
 */
export function showOtherUser({ user }, texts) {
  const detail = { unseen: 0, rows: 0 };
  document.dispatchEvent(new CustomEvent("notifications:count", { detail }));
  const text = user ? texts.textOtherUser.replace("%s", user) : texts.textSignedOut;
  for (const each of document.querySelectorAll("notification-inbox")) {
    delete each.dataset.url;
    each.replaceChildren(element("p", { className: "notifications-empty" }, text));
  }
  for (const each of document.querySelectorAll(PRIVATE)) each.hidden = true;
  for (const each of document.querySelectorAll(ACTIONS)) each.disabled = true;
  const link = user
    ? element("a", { href: location.href }, texts.textReload)
    : element("a", { href: texts.signIn }, texts.textSignIn);
  const className = "notifications-notice notifications-account";
  const notice = element("p", { className, role: "status" });
  notice.dataset.turboTemporary = "";
  document.body.append(notice);
  // Screen readers read what changes in a region that is there.
  notice.append(text, " ", link);
}

function element(name, properties, text = "") {
  const made = Object.assign(document.createElement(name), properties);
  made.textContent = text;
  return made;
}
