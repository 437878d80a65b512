// Marks the page once it knows the number of unseen events.
addEventListener("notifications:count", () => {
  document.documentElement.dataset.counted = "yes";
});
