/** The rows of unseen events, as a list with the key of the row of each event. */

// From this number of events on, there may be more.
export const LIMIT = 100;

/** Return the list after a count, which may have been applied already; the newest first. */
export function rowsAfter(keys, { unseen, rows, more = [], less = [] }) {
  if (rows) return rows;
  if (unseen >= LIMIT) return [...more, ...keys].slice(0, LIMIT);
  const missing = unseen - keys.length;
  if (missing === 0) return keys;
  if (missing > 0) return [...more.slice(-missing), ...keys];
  const left = [...keys];
  for (const each of less) if (left.includes(each)) left.splice(left.indexOf(each), 1);
  return left.slice(0, unseen);
}

/** Return how many rows these are; an event without a key has a row of its own. */
export function countRows(keys, unseen) {
  return new Set(keys).size + Math.max(0, unseen - keys.length);
}
