"""A browser without windows: keeps cookies, fills in forms, follows nothing."""

import http.client
import re
from urllib.parse import urlencode

TIMEOUT_SECONDS = 30
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')


class Browser:
    """Asks for the pages of a site on this machine."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._cookies: dict[str, str] = {}

    def get(self, path: str) -> str:
        """Return a page."""
        return self._ask("GET", path)[1]

    def token(self, path: str) -> str:
        """Return the token of the form on a page."""
        found = TOKEN.search(self.get(path))
        if not found:
            raise ValueError(f"expected a form at {path}")
        return found[1]

    def post(self, path: str, **fields: str) -> str:
        """Send a form; return where its answer leads."""
        target, page = self._ask("POST", path, urlencode(fields))
        if not target:
            raise ValueError(f"expected {path} to take the form, got {page[:2000]}")
        return target

    def sign_in(self, name: str, password: str) -> None:
        """Sign in as people do."""
        token = self.token("/login/")
        self.post(
            "/login/", csrfmiddlewaretoken=token, username=name, password=password
        )

    def _ask(self, method: str, path: str, body: str = "") -> tuple[str, str]:
        link = http.client.HTTPConnection("127.0.0.1", self._port, TIMEOUT_SECONDS)
        try:
            link.request(method, path, body, self._headers(method))
            answer = link.getresponse()
            page = answer.read().decode()
        finally:
            link.close()
        for each in answer.headers.get_all("Set-Cookie", []):
            name, _, value = each.partition(";")[0].partition("=")
            self._cookies[name] = value
        return answer.headers.get("Location", ""), page

    def _headers(self, method: str) -> dict[str, str]:
        pairs = (f"{name}={value}" for name, value in self._cookies.items())
        headers = {"Cookie": "; ".join(pairs), "Accept": "text/html"}
        if method == "POST":
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        return headers
