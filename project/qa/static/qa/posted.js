/* Removes the draft of what was posted; `drafts.js` keeps it. Not a module, so that it runs
   before the rest of the page is shown: who leaves early must not find the draft again. */

"use strict";

{
  const { user } = document.querySelector("meta[name=notifications]").dataset;
  const { posted } = document.currentScript.dataset;
  try {
    localStorage.removeItem(`draft ${user} ${posted}`);
  } catch {
    // Access to the storage may be denied: then there is no draft.
  }
}
