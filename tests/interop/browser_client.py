"""Chromium's own EventSource."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlencode, urljoin

from playwright.sync_api import sync_playwright

from tests.browser.conftest import ARGUMENTS, required_browser
from tests.interop.program_clients import LISTENED
from tests.system.eventsource import Received

OPEN = """([url, names]) => {
  const events = [];
  let notify = () => {};
  const source = new EventSource(url);
  for (const name of names) {
    source.addEventListener(name, ({ lastEventId: id, data }) => {
      events.push({ name, id, data });
      notify();
    });
  }
  source.addEventListener("error", () => source.readyState === 2 && notify());
  window.next = async () => {
    while (!events.length && source.readyState !== 2) {
      await new Promise((resolve) => { notify = resolve; });
    }
    return events.shift() ?? null;
  };
}"""
PAGE = "/demos/"


@contextlib.contextmanager
def chromium(
    url: str, last_event_id: str = "", cookies: Iterable[Mapping[str, Any]] = ()
) -> Iterator[Iterator[Received]]:
    executable = required_browser()
    if last_event_id:
        # It has no other way to begin after an event.
        joint = "&" if "?" in url else "?"
        url += joint + urlencode({"last_event_id": last_event_id})
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        page = browser.new_page()
        page.context.add_cookies(cookies)
        page.goto(urljoin(url, PAGE))
        page.evaluate(OPEN, [url, LISTENED])
        following = iter(lambda: page.evaluate("() => window.next()"), None)
        yield (Received(**each) for each in following)
        browser.close()
