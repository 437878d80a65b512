"""The site with its demo and its events; its accounts and addresses."""

import json
import re
import signal

from tests.browser.people import PASSWORD, Person
from tests.browser.strict import ENVIRONMENT
from tests.http_client import http_client
from tests.system.server import Site

HAPPEN = "from tests.browser.news import happen; print(happen())"


class Member(Person):
    """A person with an account of the demo, signed in."""

    def __init__(self, url: str, name: str) -> None:
        self.url = url
        self.name = name
        self.client = http_client(url)
        self.client.get("/login/")
        self.post("/login/", username=name, password=PASSWORD)


class Stage(Site):
    """A server without DEBUG, so that pages of errors are the site's own."""

    def __init__(self) -> None:
        super().__init__(workers=2, environment=ENVIRONMENT)
        self.addresses: dict[str, str] = {}
        self._members: dict[str, Member] = {}

    def start(self) -> None:
        """Make its events, and start it."""
        self.addresses = json.loads(self.shell(HAPPEN))
        super().start()

    def stop(self, number: int = signal.SIGKILL) -> None:
        """Stop it, and close the clients of its people."""
        super().stop(number)
        for member in self._members.values():
            member.client.close()
        self._members.clear()

    def member(self, name: str) -> Member:
        """Return a signed-in person of this name."""
        if name not in self._members:
            self._members[name] = Member(self.url, name)
        return self._members[name]

    def path(self, template: str) -> str:
        """Return an address; `{name}` in the template stands for one of `addresses`."""
        return re.sub(r"\{(\w+)\}", lambda found: self.addresses[found[1]], template)
