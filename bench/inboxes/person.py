"""What a person does on the site: what is timed, and what undoes it afterwards."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.test import Client

from notifications.models import Inbox
from notifications.publishing.unseen import unseen_rows

INBOX = "/notifications/"
READ = "/notifications/read/"
JSON = {"accept": "application/json"}
# One that no profile follows.
FOLLOW = "/notifications/follows/topic:t499/"
QUESTION = {"title": "How much?", "body": "In milliseconds.", "topics": "Topic 0"}
TENTH = 10


def _nothing(_: Any) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Action:
    """`run` is timed; `undo` gets what it returned."""

    run: Callable[[], Any]
    undo: Callable[[Any], object] = _nothing


class Person:
    """A signed-in person, and what they do."""

    def __init__(self, user: Any) -> None:
        self.user = user
        self._client = Client()
        self._client.force_login(user)
        self._tenth = self._find_tenth()
        rows = self._client.get(INBOX, headers=JSON).json()["events"]
        self._newest = rows[0]["uid"] if rows else ""

    def _find_tenth(self) -> str:
        """Return the URL of the tenth page of the inbox, or of the last."""
        url = INBOX
        for _ in range(TENTH - 1):
            url = self._client.get(url, headers=JSON).json()["next"] or url
        return url

    def actions(self) -> dict[str, Action]:
        """Return what is measured, by its name."""
        found = {
            "bell": Action(lambda: len(unseen_rows(Inbox(self.user), up_to=None))),
            "inbox": Action(lambda: self._get(INBOX)),
            "inbox, tenth page": Action(lambda: self._get(self._tenth)),
            "follow": Action(self._follow, self._unfollow),
            # The question stays: the next ones come after it.
            "ask": Action(lambda: self._post("/ask/", QUESTION)),
        }
        if self._newest:
            found["read a group"] = Action(lambda: self._read("uid"), self._unread)
            found["read all"] = Action(lambda: self._read("up_to"), self._unread)
        return found

    def _get(self, url: str) -> None:
        assert self._client.get(url).status_code == 200, url

    def _read(self, field: str) -> Any:
        data = {field: self._newest}
        return self._client.post(READ, data, headers=JSON).json()["undo"]

    def _unread(self, token: Any) -> None:
        self._client.post(READ, {"undo": token}, headers=JSON)

    def _follow(self) -> None:
        self._post(FOLLOW, {"level": "follow", "next": "/"})

    def _unfollow(self, _: Any) -> None:
        assert self._client.delete(FOLLOW).status_code < 400

    def _post(self, url: str, data: dict[str, str]) -> None:
        response = self._client.post(url, data)
        assert response.status_code == 302, response.content[:2_000]
