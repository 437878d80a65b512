/** What tests do to a page of the site, and what they ask it. */

export { hide } from "./fakes.js";

/** Notify the page about unseen events, each with a row, as its connection would. */
export function notifyCount(unseen) {
  const options = { bubbles: true, detail: { unseen, rows: unseen } };
  document.body.dispatchEvent(new CustomEvent("notifications:count", options));
}

/** Keep in `said` each text that this live region gets. */
export function recordRegion(region) {
  window.said = [];
  new MutationObserver(() => window.said.push(region.textContent)).observe(region, {
    childList: true,
  });
}

/** Wait until nothing on the page moves. */
export async function animationsEnd() {
  await Promise.all(document.getAnimations().map((each) => each.finished));
}

/** Return what moves: the class of each element, and for how many milliseconds. */
export function motion() {
  return [...document.querySelectorAll("*")].flatMap((each) =>
    [undefined, "::before", "::after"].flatMap((part) => {
      const { transitionDuration, animationDuration } = getComputedStyle(each, part);
      const durations = `${transitionDuration},${animationDuration}`.split(",");
      const longest = Math.max(...durations.map((one) => parseFloat(one)));
      return longest ? [[each.className, longest * 1_000]] : [];
    }),
  );
}

/** Return what has the focus, whether that is visible, and whether anything covers it. */
export function focused() {
  const element = document.activeElement;
  const { outlineStyle, outlineWidth } = getComputedStyle(element);
  const [box] = element.getClientRects();
  const top = document.elementFromPoint(
    box.x + Math.min(box.width, 20) / 2,
    box.y + box.height / 2,
  );
  return {
    name: element.ariaLabel ?? element.textContent.trim(),
    visible: outlineStyle !== "none" && parseFloat(outlineWidth) >= 2,
    uncovered: element.contains(top),
  };
}

/** Return the elements that reach out of the window on either side. */
export function overflow() {
  const page = document.documentElement;
  const width = page.clientWidth;
  const scrolls = (each) => getComputedStyle(each).overflowX !== "visible";
  const isInScroller = ({ parentElement: parent }) =>
    parent && (scrolls(parent) || isInScroller(parent));
  const out = [...document.body.querySelectorAll("*")].filter((each) => {
    const box = each.getBoundingClientRect();
    const reachesOut = box.left < -1 || box.right > width + 1;
    return reachesOut && box.width > 1 && each.checkVisibility() && !isInScroller(each);
  });
  const found = out.map((each) => each.outerHTML.slice(0, 80));
  return page.scrollWidth > width ? [`${page.scrollWidth} wide`, ...found] : found;
}

/** Return where the text of an element ends on the right. */
export function textRight(element) {
  const range = document.createRange();
  range.selectNodeContents(element);
  return range.getBoundingClientRect().right;
}

/** Wait until the page was drawn so many times. */
export async function drawn(frames) {
  while (frames--) await new Promise((done) => requestAnimationFrame(done));
}

export function addInlineScript() {
  const script = document.createElement("script");
  script.textContent = "window.ran = true";
  document.body.append(script);
}

export function submitFormTo(address) {
  const form = document.createElement("form");
  form.action = address;
  document.body.append(form);
  form.submit();
}

/** Send a form as it is, whatever the browser's own checks say. */
export function submitUnchecked(form) {
  form.noValidate = true;
  form.requestSubmit();
}
