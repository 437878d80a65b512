// Shows the numbers that everyone sees.

import { EventSource } from "../notifications/event-source.js";

const output = document.querySelector("[data-number]");

new EventSource(location.href).addEventListener("message", (event) => {
  output.textContent = event.data;
});
