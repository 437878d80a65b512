const NAMED = "[id], [data-uid]";
// Parts that may differ in equal elements: relative times, and what scripts changed.
const IGNORED = /<time.*?<\/time>| open=""| arrived/gs;

/**
 * Replace the children of `container` by those of `fresh`. Equal children stay in the
 * document, with focus and selection. New elements with an id or `data-uid` get the
 * class `arrived`.
 */
export function reconcile(container, fresh) {
  const known = new Set([...container.querySelectorAll(NAMED)].map(nameOf));
  for (const each of fresh.querySelectorAll(NAMED)) {
    if (!known.has(nameOf(each))) each.classList.add("arrived");
  }
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
