"""TLS handshakes that begin when the server asks, not when a socket is wrapped."""

import functools
import ssl
from collections.abc import Callable
from typing import Any

MakeContext = Callable[[Any, Callable[[], ssl.SSLContext]], ssl.SSLContext]


def handshake_later(make_context: MakeContext) -> MakeContext:
    """Wrap gunicorn's hook `ssl_context`, so that its contexts only wrap sockets."""

    def make(config: Any, default: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
        context: Any = make_context(config, default)
        context.wrap_socket = functools.partial(
            context.wrap_socket, do_handshake_on_connect=False
        )
        return context  # type: ignore[no-any-return]

    return make
