/** What a page's own styles change in the elements of the app. */

// Of every kind of element that the app has on a page: some of what a page would change.
const ELEMENTS = ".notifications-bell, notification-inbox :not(svg, svg *)";
const PROPERTIES = [
  "appearance", "backgroundColor", "borderTopStyle", "borderTopWidth", "color", "display",
  "fontSize", "listStyleType", "marginTop", "minHeight", "paddingLeft", "textTransform",
];

/** Return the looks of the app's elements on the page. */
export function looks() {
  return [...document.querySelectorAll(ELEMENTS)].map((each) => {
    const style = getComputedStyle(each);
    return [each.localName, each.className, ...PROPERTIES.map((name) => style[name])].join();
  });
}

/** Add a stylesheet to the page, after all others. */
export function add(rules) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(rules);
  document.adoptedStyleSheets.push(sheet);
}

/** Return the value of a property of an element. */
export function valueOf(element, name) {
  return getComputedStyle(element)[name];
}

/** Remove the styles of the site, and what it says of color schemes. */
export function removeTheSites() {
  for (const each of document.querySelectorAll("[href*='/qa/'], [name=color-scheme]")) each.remove();
}
