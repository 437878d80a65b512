// Shows each message in the list of its type, and sends the form without a reload.

import { EventSource } from "../notifications/event-source.js";

const lists = document.querySelector("[data-messages]");
const form = document.querySelector("form[method=post]:not([action])");
const source = new EventSource(lists.dataset.messages);

for (const list of lists.querySelectorAll("[data-type]")) {
  source.addEventListener(list.dataset.type, (event) => {
    const item = document.createElement("li");
    item.textContent = JSON.parse(event.data).text;
    list.prepend(item);
  });
}
// The server ended the stream for good.
source.addEventListener("server_closed", () => source.close());

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = new FormData(form);
  const response = await fetch(location.href, { method: "POST", body });
  if (response.ok) form.elements.text.value = "";
});
