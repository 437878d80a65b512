"""HTTP clients of the sites that tests start."""

import ssl
from typing import Any

import httpx

# The sites speak plain HTTP; httpx would read the trusted certificates for each client.
NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def http_client(url: str, *, keep_alive: bool = True, **options: Any) -> httpx.Client:
    """Return a client of the site at `url`; `options` are httpx's own.

    Without `keep_alive` each request has a connection of its own: a kept one may be
    closed by the server just as the next request goes out, and is one more that a
    worker holds.
    """
    if not keep_alive:
        options["limits"] = httpx.Limits(max_keepalive_connections=0)
    return httpx.Client(
        base_url=url, **{"timeout": 30, "verify": NO_CERTIFICATES} | options
    )
