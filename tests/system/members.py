"""Many people with sessions that follow and log out by one HTTP client."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType

import httpx

from tests.http_client import http_client
from tests.system.server import Site
from tests.system.topics import new_names

# Django accepts any token that is the same in the cookie and in the header.
_TOKEN = "t" * 32

# Makes people and a session for each; prints names, primary keys, session keys.
_SIGN_IN = """
import json
from importlib import import_module
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
found = []
for name in NAMES:
    user, _ = User.objects.get_or_create(username=name)
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.set_expiry(SECONDS)
    session.create()
    found.append([name, user.pk, session.session_key])
print(json.dumps(found))
"""

_MAKE_TOPICS = """
from project.qa.models import Topic
Topic.objects.bulk_create(Topic(slug=slug, name=slug) for slug in SLUGS)
"""


@dataclass(frozen=True, slots=True)
class Member:
    """A person with a session."""

    name: str
    pk: int
    session: str


class Members:
    """Signs people in, and sends the requests of their pages."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._client = http_client(site.url, keep_alive=False)

    def __enter__(self) -> "Members":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def join(self, count: int, *, seconds: int | None = None) -> list[Member]:
        """Return this many new people, signed in."""
        return self.sign_in(new_names(count), seconds=seconds)

    def make_topics(self, count: int, *, prefix: str = "") -> list[str]:
        """Return this many new topics that can be followed."""
        slugs = new_names(count, prefix=prefix)
        self._site.shell(_MAKE_TOPICS.replace("SLUGS", repr(slugs)))
        return [f"topic:{slug}" for slug in slugs]

    def sign_in(
        self, names: Iterable[str], *, seconds: int | None = None
    ) -> list[Member]:
        """Return people with these names, each with a session of this lifetime."""
        code = _SIGN_IN.replace("NAMES", repr(list(names)))
        code = code.replace("SECONDS", repr(seconds))
        return [Member(*each) for each in json.loads(self._site.shell(code))]

    def ask(
        self, method: str, path: str, member: Member, **options: object
    ) -> httpx.Response:
        """Send a request with this person's session; return the response."""
        cookies = f"sessionid={member.session}; csrftoken={_TOKEN}"
        headers = {"Cookie": cookies, "X-CSRFToken": _TOKEN}
        return self._client.request(method, path, headers=headers, **options)

    def follow(self, member: Member, topic: str, *, level: str = "follow") -> None:
        """Follow a topic at a level."""
        path = f"/notifications/follows/{topic}/"
        self.ask("PUT", path, member, data={"level": level}).raise_for_status()

    def unfollow(self, member: Member, topic: str) -> None:
        """Unfollow a topic."""
        path = f"/notifications/follows/{topic}/"
        self.ask("DELETE", path, member).raise_for_status()
