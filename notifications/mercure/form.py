"""Forms: names and values in application/x-www-form-urlencoded, as strict UTF-8."""

from urllib.parse import parse_qsl

from notifications.exceptions import InvalidValue
from notifications.mercure.matchers import TooLong

Pairs = list[tuple[str, str]]
# No request needs as many; the fields that are used have limits of their own.
MAX_FIELDS = 2_000


def pairs_of(raw: bytes) -> Pairs:
    """Return the pairs in a query or a body.

    Raises InvalidValue if it is not UTF-8, and TooLong if it has too many.
    """
    if raw.count(b"&") >= MAX_FIELDS:
        raise TooLong(raw.count(b"&") + 1, expected=f"at most {MAX_FIELDS} fields")
    try:
        return parse_qsl(
            raw.decode("utf-8"),
            keep_blank_values=True,
            errors="strict",
        )
    except ValueError as error:
        raise InvalidValue(type(error), expected="a form in UTF-8") from error


def values_of(pairs: Pairs, *names: str) -> list[str]:
    """Return the values of the fields with one of these names."""
    return [value for name, value in pairs if name in names]
