// Keeps what the page is notified about, for the tests to read.
window.notified = [];
for (const name of ["notifications", "notifications:count"]) {
  document.addEventListener(name, ({ detail }) =>
    window.notified.push(detail.title ?? detail.reason ?? `${detail.unseen} unseen`),
  );
}
