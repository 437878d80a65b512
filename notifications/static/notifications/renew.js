const NAMED = "[id], [data-uid]";
// What differs without being news: how long ago things were, and what was done here.
const FLEETING = /<time.*?<\/time>| open=""| arrived/gs;

/**
 * Put the children of `fresh` into `old`. Those that are there already stay as they
 * are, with focus and selection; new ones with an id or `data-uid` are `.arrived`.
 */
export function renew(old, fresh) {
  const known = new Set([...old.querySelectorAll(NAMED)].map(nameOf));
  for (const each of fresh.querySelectorAll(NAMED)) {
    if (!known.has(nameOf(each))) each.classList.add("arrived");
  }
  merge(old, [...fresh.children]);
}

function merge(parent, children) {
  const before = new Map([...parent.children].map((each) => [textOf(each), each]));
  const wanted = children.map((each) => before.get(textOf(each)) ?? each);
  for (const each of before.values()) if (!wanted.includes(each)) each.remove();
  wanted.forEach((each, index) => {
    const there = parent.children[index] ?? null;
    if (there !== each) parent.insertBefore(each, there);
  });
}

function nameOf({ id, dataset }) {
  return id || dataset.uid;
}

function textOf({ outerHTML }) {
  return outerHTML.replace(FLEETING, "");
}
