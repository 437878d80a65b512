/** How long to wait before the next try. Pure. */

export const LONGEST = 60_000;

/**
 * Return milliseconds: `first` doubled with each failure, at most LONGEST, of which
 * half is up to chance, so that those who were cut off together do not come together.
 */
export function backoff(failures, { first, random }) {
  const most = Math.min(LONGEST, first * 2 ** failures);
  return most / 2 + (most / 2) * random;
}
