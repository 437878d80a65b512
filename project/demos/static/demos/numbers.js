// Shows the numbers that everyone sees.

const output = document.querySelector("[data-number]");

new EventSource(location.href).addEventListener("message", (event) => {
  output.textContent = event.data;
});
