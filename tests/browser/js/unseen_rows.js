/** Scenarios of the rows of unseen events. */

import { countRows, rowsAfter } from "/static/notifications/unseen-rows.js";

/** Return how many rows there are after each of these counts. */
export function numbers(counts) {
  let keys = [];
  return counts.map((each) => countRows((keys = rowsAfter(keys, each)), each.unseen));
}
