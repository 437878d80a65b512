// Looking at a page marks nothing as seen or read: the requests that would do so go nowhere. A
// route of the browser would miss what a page sends when it is closed.
{
  const { fetch } = window;
  window.fetch = (address, ...rest) =>
    /\/(seen|read)\/$/.test(address)
      ? Promise.resolve(Response.json({}))
      : fetch(address, ...rest);
}
