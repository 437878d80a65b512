"""People who send the site's forms by an HTTP client, beside the browser."""

import itertools
from typing import Any

from tests.http_client import http_client

PASSWORD = "correct horse"
_numbers = itertools.count(1)


class Person:
    """A person with a new account, signed in."""

    def __init__(self, url: str, name: str) -> None:
        self.url = url
        self.name = f"{name}{next(_numbers)}"
        self.client = http_client(url, keep_alive=False)
        self.client.get("/signup/")
        self.post(
            "/signup/", username=self.name, password1=PASSWORD, password2=PASSWORD
        )

    def post(self, path: str, **data: Any) -> str:
        """Send a form; return where it leads to."""
        token = self.client.cookies["csrftoken"]
        response = self.client.post(path, data={**data, "csrfmiddlewaretoken": token})
        assert response.status_code == 302, response.text
        return response.headers["location"]

    def ask(self, title: str, *, topics: str = "Espresso") -> str:
        """Ask a question; return its address."""
        return self.post("/ask/", title=title, body="Please tell.", topics=topics)

    def answer(self, question: str, body: str) -> None:
        """Answer a question."""
        self.post(question, body=body)

    def follow(self, topic: str, level: str = "follow") -> None:
        """Follow a topic at a level."""
        self.post(f"/notifications/follows/{topic}/", level=level, next="/")

    def cookies(self) -> list[Any]:
        """Return what makes a browser this person's."""
        jar = self.client.cookies.jar
        return [
            {"name": each.name, "value": each.value, "url": self.url} for each in jar
        ]
