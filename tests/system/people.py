"""People who use the site over HTTP, each with a session of their own."""

import json
from collections.abc import Iterable
from typing import Any

import httpx

from tests.http_client import http_client
from tests.system.server import Site

# Makes people with sessions; prints the primary key and the session key of each.
_SESSIONS = """
import json
from importlib import import_module
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
keys = {}
for name in NAMES:
    user, _ = User.objects.get_or_create(username=name)
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    keys[name] = [user.pk, session.session_key]
print(json.dumps(keys))
"""


class Person:
    """A person with a session; `client` sends their requests."""

    def __init__(self, url: str, *, name: str, pk: int, session: str) -> None:
        self.name = name
        self.pk = pk
        self.client = http_client(url, cookies={"sessionid": session})

    def post(self, path: str, **data: Any) -> httpx.Response:
        """Send a form of the site, as a browser would."""
        token = self._token()
        answer = self.client.post(path, data={**data, "csrfmiddlewaretoken": token})
        assert answer.status_code == 302, answer.text
        return answer

    def put(self, path: str, **data: Any) -> httpx.Response:
        """Send a PUT, as a script of the site would."""
        headers = {"X-CSRFToken": self._token()}
        return self.client.put(path, data=data, headers=headers).raise_for_status()

    def _token(self) -> str:
        if "csrftoken" not in self.client.cookies:
            self.client.get("/ask/").raise_for_status()
        return self.client.cookies["csrftoken"]


def sign_in(site: Site, names: Iterable[str]) -> list[Person]:
    """Return people with these names, made where there are none, all signed in."""
    code = _SESSIONS.replace("NAMES", repr(list(names)))
    found = json.loads(site.shell(code))
    return [
        Person(site.url, name=name, pk=pk, session=session)
        for name, (pk, session) in found.items()
    ]
