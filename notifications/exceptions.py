"""The exceptions of the app; each has its details as attributes."""


class NotificationsError(Exception):
    """The base class of the app's exceptions."""


class InvalidValue(NotificationsError, ValueError):
    """A value from outside the app is invalid.

    `value` is that value; `expected` describes a valid one.
    """

    noun = "value"

    def __init__(self, value: object, *, expected: str) -> None:
        self.value = value
        self.expected = expected
        super().__init__(f"{self.noun} {shorten(value)}: expected {expected}")


class InvalidTopic(InvalidValue):
    """A topic is invalid."""

    noun = "topic"


class InvalidCursor(InvalidValue):
    """A cursor is invalid."""

    noun = "cursor"


class InvalidEventType(InvalidValue):
    """The name, payload or group of an event type is invalid."""

    noun = "event type"


class InvalidSetting(InvalidValue):
    """A value in settings.NOTIFICATIONS is invalid; `key` names it."""

    noun = "setting"

    def __init__(self, value: object, *, key: str, expected: str) -> None:
        super().__init__(value, expected=expected)
        self.key = key
        self.args = (
            f"NOTIFICATIONS[{key!r}] is {shorten(value)}: expected {expected}",
        )


class InvalidPayload(NotificationsError, ValueError):
    """A payload does not fit its event type.

    `field` is the JSONPath or the name of the invalid field, or empty.
    """

    def __init__(self, event_type: str, *, problem: str, field: str = "") -> None:
        self.event_type = event_type
        self.problem = problem
        self.field = field
        where = f" at {_plain(field)}" if field else ""
        super().__init__(f"payload of {event_type}{where}: {_plain(problem)}")


class UnknownEventType(NotificationsError, LookupError):
    """No event type is registered under `name`; `known` lists the registered names."""

    def __init__(self, name: str, *, known: list[str]) -> None:
        self.name = name
        self.known = known
        listed = ", ".join(known) or "none"
        super().__init__(
            f"event type {shorten(name)} is not registered; known: {listed}"
        )


class AlreadyRegistered(NotificationsError, ValueError):
    """`what` is registered twice; `first` and `second` are the places, as file:line."""

    def __init__(self, what: str, *, first: str, second: str) -> None:
        self.what = what
        self.first = first
        self.second = second
        super().__init__(
            f"{what} is registered twice: at {first} and at {second}; "
            "remove or rename one of them"
        )


class NotFollowable(NotificationsError, LookupError):
    """No topic kind is registered for `model`."""

    def __init__(self, model: type) -> None:
        self.model = model
        super().__init__(
            f"{model.__name__} cannot be followed: "
            f"call followable({model.__name__}, kind=...) in a notifications.py"
        )


class WrongDatabase(NotificationsError):
    """A watched `model` was to be saved in `alias`, where no events are recorded.

    `expected` is the database that they are recorded in by default.
    """

    def __init__(self, model: type, *, alias: str, expected: str) -> None:
        self.model = model
        self.alias = alias
        self.expected = expected
        super().__init__(
            f"{model.__name__} cannot be saved in the database {alias!r}, since events "
            f"are recorded in {expected!r}: migrate notifications there, and put "
            "'notifications.databases.WriteRouter' first in DATABASE_ROUTERS"
        )


class LogUnavailable(NotificationsError):
    """Redis cannot be reached or rejects a command; events stay in the outbox."""


class LogGap(NotificationsError):
    """The log no longer has the entry at `cursor`; later ones may be missing, too."""

    def __init__(self, cursor: object) -> None:
        self.cursor = cursor
        super().__init__(f"the log no longer has an entry at {cursor}")


class ReplayTooLong(NotificationsError):
    """A replay would have to read more than `limit` entries of the log."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(f"a replay would read more than {limit} entries of the log")


class UnreadableEntry(NotificationsError, ValueError):
    """The bytes of an entry in the log cannot be decoded."""


class TooManyStreams(NotificationsError):
    """`whose` (user, address or process) has `limit` streams open, the most allowed."""

    def __init__(self, whose: str, *, limit: int) -> None:
        self.whose = whose
        self.limit = limit
        super().__init__(f"this {whose} has {limit} streams open, the most allowed")


class CannotStream(NotificationsError):
    """A server whose streams hold a thread each has `limit` of them at most.

    Another one would hold the last thread. With a limit of 0 there is only one.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        number = f"has room for {limit} streams only" if limit else "cannot stream"
        super().__init__(
            f"this server {number}: each holds a thread, and the last one is for "
            "pages; see the table of servers in docs/install.md"
        )


SHOWN_CHARACTERS = 80


def shorten(value: object) -> str:
    """Return the value as a quoted ASCII text on one line, cut at 80 characters."""
    text = ascii(value)
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"


def _plain(text: str) -> str:
    """Return a plain message unchanged, and one with data from outside shortened."""
    short = len(text) <= 2 * SHOWN_CHARACTERS
    return text if short and text.isascii() and text.isprintable() else shorten(text)
