// Shows the ticks of the page's own address, until the server has no more.

import { EventSource } from "../notifications/event-source.js";

const progress = document.querySelector("[data-ticks]");
const count = document.querySelector("[data-count]");
const state = document.querySelector("[data-state]");
const source = new EventSource(location.href);

function showState() {
  const names = ["waiting", "open", "closed"];
  state.textContent = state.dataset[names[source.readyState]];
}

source.addEventListener("open", showState);
// The browser reconnects by itself, unless the server has answered 204.
source.addEventListener("error", showState);
source.addEventListener("tick", (event) => {
  const { tick } = JSON.parse(event.data);
  progress.value = tick;
  count.textContent = tick;
});
document.querySelector("[data-close]").addEventListener("click", () => {
  source.close();
  showState();
});
