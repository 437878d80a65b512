"""What is wrong with settings.MERCURE; yields every problem, and never shows a key."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from notifications.mercure.keys import problem_of
from notifications.mercure.terms import ACTIONS, ALGORITHMS, InvalidMercure

Problems = Iterator[InvalidMercure]


def problems(value: Any) -> Problems:
    """Yield what is wrong with a value of the setting, each with what was expected."""
    if not isinstance(value, Mapping):
        yield InvalidMercure(value, expected="a dict, or None to turn the hub off")
        return
    yield from _unknown(value, (*_CHECKS, "ISSUERS", "LEGACY_KEYS"), "")
    for name, (is_valid, expected) in _CHECKS.items():
        if (name in value or name == "URL") and not is_valid(value.get(name)):
            yield InvalidMercure(
                value.get(name), expected=expected, where=f"[{name!r}]"
            )
    yield from _issuers(value.get("ISSUERS", {}))
    yield from _keys(value.get("LEGACY_KEYS", []), "['LEGACY_KEYS']")
    if not value.get("ISSUERS") and not value.get("LEGACY_KEYS"):
        yield InvalidMercure(
            value.get("ISSUERS"), expected="a key for an issuer", where="['ISSUERS']"
        )


def _unknown(value: Mapping[Any, Any], known: Collection[str], where: str) -> Problems:
    for name in value:
        if name not in known:
            listed = ", ".join(known)
            yield InvalidMercure(
                name, expected=f"one of {listed}", where=f"{where} key"
            )


def _issuers(value: Any) -> Problems:
    where = "['ISSUERS']"
    if not isinstance(value, Mapping):
        expected = "a dict of lists of keys, by issuer"
        yield InvalidMercure(type(value), expected=expected, where=where)
        return
    for issuer, keys in value.items():
        if not isinstance(issuer, str):
            yield InvalidMercure(issuer, expected="a string", where=f"{where} issuer")
        yield from _keys(keys, f"{where}[{issuer!r}]")


def _keys(several: Any, where: str) -> Problems:
    if not _is_list(several):
        yield InvalidMercure(type(several), expected="a list of dicts", where=where)
        return
    for number, each in enumerate(several):
        yield from _key(each, f"{where}[{number}]")


def _key(value: Any, where: str) -> Problems:
    if not isinstance(value, Mapping):
        expected = "a dict with ALGORITHM and KEY"
        yield InvalidMercure(type(value), expected=expected, where=where)
        return
    yield from _unknown(value, ("ALGORITHM", "KEY", "ACTIONS"), where)
    actions = value.get("ACTIONS", ACTIONS)
    if not _is_list(actions) or not actions or not ACTIONS.issuperset(actions):
        expected = f"a list of {' and '.join(sorted(ACTIONS))}"
        yield InvalidMercure(actions, expected=expected, where=f"{where}['ACTIONS']")
    algorithm = value.get("ALGORITHM")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        expected = f"one of {', '.join(sorted(ALGORITHMS))}"
        yield InvalidMercure(
            algorithm, expected=expected, where=f"{where}['ALGORITHM']"
        )
    elif problem := problem_of(value.get("KEY"), algorithm):
        found, expected = problem
        yield InvalidMercure(found, expected=expected, where=f"{where}['KEY']")


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence | set | frozenset) and not isinstance(value, str)


def _is_url(value: Any) -> bool:
    parts = urlsplit(value) if isinstance(value, str) else None
    return bool(
        parts
        and parts.scheme in ("http", "https")
        and parts.netloc
        and len(parts.path) > 1
        and value == f"{parts.scheme}://{parts.netloc}{parts.path}"
    )


def _are_origins(value: Any) -> bool:
    return _is_list(value) and all(map(_is_origin, value))


def _is_origin(value: Any) -> bool:
    parts = urlsplit(value) if isinstance(value, str) else None
    if not parts or "*" in value or not parts.netloc:
        return False
    return bool(parts.scheme) and value == f"{parts.scheme}://{parts.netloc}"


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


# Of each name: what a valid value is, and how to say so.
_CHECKS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "URL": (_is_url, "the absolute URL of the hub, without a query"),
    "ORIGINS": (_are_origins, "a list of origins such as https://example.com"),
    "COOKIE": (_is_name, "the name of a cookie"),
    "ANONYMOUS": (_is_bool, "True or False"),
    "SUBSCRIPTIONS": (_is_bool, "True or False"),
}
