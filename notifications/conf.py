"""The app's settings, read live from `settings.NOTIFICATIONS`; alone reads settings.

Each value may also be the text that an environment variable holds.
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from django.conf import settings
from django.utils.module_loading import import_string

from notifications.exceptions import InvalidSetting

T = TypeVar("T")


class Setting(Generic[T]):
    """One key of the NOTIFICATIONS setting, with its default and its type.

    `parse` takes what the site wrote and returns the value, or raises ValueError
    or TypeError; `expected` says in words what it accepts.
    """

    def __init__(
        self, default: Any, parse: Callable[[Any], T], *, expected: str
    ) -> None:
        self.default = default
        self.parse = parse
        self.expected = expected
        self.key = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.key = name

    def __get__(self, instance: object, owner: type | None = None) -> T:
        value = configured().get(self.key, self.default)
        try:
            return self.parse(value)
        except (ValueError, TypeError, OverflowError, ImportError):
            raise InvalidSetting(value, key=self.key, expected=self.expected) from None


def configured() -> dict[str, Any]:
    """Return what the site wrote in `settings.NOTIFICATIONS`, unchecked."""
    return getattr(settings, "NOTIFICATIONS", {})


def _integer(least: int) -> Callable[[Any], int]:
    def parse(value: Any) -> int:
        number = int(value)
        if number < least or number != float(value):
            raise ValueError
        return number

    return parse


def _seconds(least: float) -> Callable[[Any], float]:
    def parse(value: Any) -> float:
        number = float(value)
        if not least <= number < float("inf"):
            raise ValueError
        return number

    return parse


def _names(value: Any) -> tuple[str, ...]:
    """Accept a list of texts, or one text with commas."""
    parts = value.split(",") if isinstance(value, str) else list(value)
    # As a call of the type's own method it refuses what is no text.
    names = tuple(filter(None, map(str.strip, parts)))
    if any("\0" in name or "\n" in name for name in names):
        raise ValueError
    return names


def _callable(value: Any) -> Callable[..., Any]:
    """Accept a callable, or the dotted path of one."""
    found = import_string(value) if isinstance(value, str) else value
    if not callable(found):
        raise TypeError
    return found  # type: ignore[no-any-return]


def _redis_url(value: Any) -> Callable[[], str]:
    """Accept a URL, or a callable (or the dotted path of one) that returns it."""
    if isinstance(value, str) and "://" in value:
        if not value.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError
        return lambda: value
    return _callable(value)


def _prefix(value: Any) -> str:
    if not isinstance(value, str) or not value.replace("-", "_").isidentifier():
        raise ValueError
    return value


def _header(value: Any) -> str:
    if not isinstance(value, str) or not value.isidentifier():
        raise ValueError
    return value.upper()


class Settings:
    """Every setting there is; `docs/settings.md` describes each."""

    REDIS_URL = Setting(
        "redis://127.0.0.1:6379/0",
        _redis_url,
        expected="a redis://, rediss:// or unix:// URL, or a callable returning one",
    )
    REDIS_TIMEOUT = Setting(0.2, _seconds(0.01), expected="seconds, at least 0.01")
    REDIS_RETRY_AFTER = Setting(30.0, _seconds(0), expected="seconds, at least 0")
    KEY_PREFIX = Setting("notifications", _prefix, expected="letters, digits, - and _")
    LOG_MAX_ENTRIES = Setting(
        100_000, _integer(100), expected="a whole number, at least 100"
    )
    REPEAT_WINDOW = Setting(86_400, _integer(60), expected="whole seconds, at least 60")
    HISTORY_BYTES = Setting(
        8_388_608, _integer(0), expected="a whole number of bytes, at least 0"
    )
    READ_BLOCK = Setting(5.0, _seconds(0.1), expected="seconds, at least 0.1")
    READ_SILENCE = Setting(5.0, _seconds(0.1), expected="seconds, at least 0.1")
    POLL_SECONDS = Setting(25.0, _seconds(0.1), expected="seconds, at least 0.1")
    HEARTBEAT_INTERVAL = Setting(15.0, _seconds(0.1), expected="seconds, at least 0.1")
    RETRY_INTERVAL = Setting(3.0, _seconds(0), expected="seconds, at least 0")
    BUFFER_BYTES = Setting(
        65_536, _integer(1_024), expected="a whole number of bytes, at least 1024"
    )
    SEND_BUFFER_BYTES = Setting(
        65_536, _integer(1_024), expected="a whole number of bytes, at least 1024"
    )
    CLIENT_TIMEOUT = Setting(12.0, _seconds(0.1), expected="seconds, at least 0.1")
    STREAM_LIFETIME = Setting(3_600.0, _seconds(1), expected="seconds, at least 1")
    RETURN_LIFETIME = Setting(
        7_200.0, _seconds(0), expected="seconds; 0 to ask the database each time"
    )
    DRAIN_SECONDS = Setting(3.0, _seconds(0), expected="seconds, at least 0")
    MAX_STREAMS = Setting(20_000, _integer(1), expected="a whole number, at least 1")
    MAX_STREAMS_PER_PERSON = Setting(
        10, _integer(1), expected="a whole number, at least 1"
    )
    MAX_STREAMS_PER_ADDRESS = Setting(
        100, _integer(1), expected="a whole number, at least 1"
    )
    ADDRESS_HEADER = Setting(
        "REMOTE_ADDR", _header, expected="a key of a request's META, as in REMOTE_ADDR"
    )
    MAX_PAYLOAD_BYTES = Setting(
        8_192, _integer(64), expected="a whole number of bytes, at least 64"
    )
    MAX_TOPICS_PER_EVENT = Setting(
        100, _integer(1), expected="a whole number, at least 1"
    )
    MAX_TOPICS_PER_STREAM = Setting(
        500, _integer(1), expected="a whole number, at least 1"
    )
    CHANNELS = Setting(("sse",), _names, expected="a list of channel names")
    AUTHORIZE = Setting(
        "notifications.access.public_topics",
        _callable,
        expected="a callable taking (user, topic), or the dotted path of one",
    )
    SWEEP_INTERVAL = Setting(5.0, _seconds(0), expected="seconds; 0 for no sweep")
    SWEEP_BATCH = Setting(500, _integer(1), expected="a whole number, at least 1")


SETTINGS = {
    name: value for name, value in vars(Settings).items() if isinstance(value, Setting)
}

conf = Settings()
