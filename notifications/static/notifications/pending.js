import { Timer } from "./timer.js";

// In milliseconds: what takes less would only flicker.
const DELAY = 150;

/** Return what a promise brings; show that an element waits for it if that takes long. */
export async function whilePending(element, promise, clock) {
  const timer = new Timer(() => element.setAttribute("aria-busy", "true"), clock);
  timer.start(DELAY);
  try {
    return await promise;
  } finally {
    timer.stop();
    element.removeAttribute("aria-busy");
  }
}
