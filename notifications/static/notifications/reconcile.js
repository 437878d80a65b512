const NAMED = "[id], [data-uid]";
// Parts that may differ in equal elements: relative times, and what scripts changed.
const IGNORED = /<time.*?<\/time>| open=""| notifications-arrived/gs;

// In milliseconds: how long new elements have a class of their own.
const HIGHLIGHT = 20_000;

/**
 * Replace the children of `container` by those of `fresh`. Equal children stay in the
 * document, with focus and selection. New elements with an id or `data-uid` get the
 * class `notifications-arrived` for some time.
 */
export function reconcile(container, fresh, clock = globalThis) {
  const known = new Set([...container.querySelectorAll(NAMED)].map(nameOf));
  const named = [...fresh.querySelectorAll(NAMED)];
  const arrived = named.filter((each) => !known.has(nameOf(each)));
  for (const each of arrived) each.classList.add("notifications-arrived");
  const end = () => arrived.forEach((each) => each.classList.remove("notifications-arrived"));
  if (arrived.length) clock.setTimeout(end, HIGHLIGHT);
  replaceChildren(container, [...fresh.children]);
}

function replaceChildren(parent, children) {
  const existing = new Map([...parent.children].map((each) => [keyOf(each), each]));
  const wanted = children.map((each) => existing.get(keyOf(each)) ?? each);
  for (const each of existing.values()) if (!wanted.includes(each)) each.remove();
  wanted.forEach((each, index) => {
    const current = parent.children[index] ?? null;
    if (current !== each) parent.insertBefore(each, current);
  });
}

function nameOf({ id, dataset }) {
  return id || dataset.uid;
}

function keyOf({ outerHTML }) {
  return outerHTML.replace(IGNORED, "");
}
