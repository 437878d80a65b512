"""A minimal HTTP client that keeps cookies and posts forms; follows no redirects."""

import re
from http.client import HTTPConnection
from urllib.parse import urlencode

TIMEOUT_SECONDS = 30
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')


class Browser:
    """Requests pages of a site on this machine."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._cookies: dict[str, str] = {}

    def get(self, path: str) -> str:
        """Return the body of a page."""
        return self._request("GET", path)[1]

    def token(self, path: str) -> str:
        """Return the CSRF token of the form on a page."""
        found = TOKEN.search(self.get(path))
        if not found:
            raise ValueError(f"expected a form at {path}")
        return found[1]

    def post(self, path: str, **fields: str) -> str:
        """Post a form; return where the response redirects to."""
        target, page = self._request("POST", path, urlencode(fields))
        if not target:
            raise ValueError(f"expected {path} to redirect, got {page[:2000]}")
        return target

    def sign_in(self, name: str, password: str) -> None:
        """Sign in with the form."""
        token = self.token("/login/")
        self.post(
            "/login/", csrfmiddlewaretoken=token, username=name, password=password
        )

    def _request(self, method: str, path: str, body: str = "") -> tuple[str, str]:
        connection = HTTPConnection("127.0.0.1", self._port, TIMEOUT_SECONDS)
        try:
            connection.request(method, path, body, self._headers(method))
            response = connection.getresponse()
            page = response.read().decode()
        finally:
            connection.close()
        for each in response.headers.get_all("Set-Cookie", []):
            name, _, value = each.partition(";")[0].partition("=")
            self._cookies[name] = value
        return response.headers.get("Location", ""), page

    def _headers(self, method: str) -> dict[str, str]:
        pairs = (f"{name}={value}" for name, value in self._cookies.items())
        headers = {"Cookie": "; ".join(pairs), "Accept": "text/html"}
        if method == "POST":
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        return headers
