"""A subscriber: the person who reads a stream. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Who reads a stream, and for how long they may.

    `user` is the primary key as text, empty for an anonymous client. `session` and
    `login` are digests of the session's key and of the login. `seconds` is how long
    the stream may last; `expires_at` is when the session ends, in seconds since 1970.
    """

    user: str = ""
    session: str = ""
    login: str = ""
    seconds: float = float("inf")
    expires_at: float = float("inf")


ANONYMOUS = Subscriber()
