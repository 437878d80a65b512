"""Grants: what a token allows, by its authorization details. No I/O.

They are valid as a whole or not at all: leaving some out would change what others mean.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from notifications.exceptions import InvalidValue
from notifications.mercure.matchers import EXACT, TEMPLATE, TYPES, Matcher, matcher
from notifications.mercure.terms import ACTIONS, PUBLISH, SUBSCRIBE

DETAIL_TYPE = "https://mercure.rocks/authorization-detail"
MAX_DETAILS = 50
MAX_MATCHERS = 100


@dataclass(frozen=True, slots=True)
class Detail:
    """Actions on the topics that one of the matchers matches."""

    actions: frozenset[str]
    matchers: tuple[Matcher, ...]
    payload: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Grants:
    """The details of a token; `base` is the URL of the hub."""

    details: tuple[Detail, ...] = ()
    base: str = ""

    def allows(self, action: str, topic: str) -> bool:
        """Tell whether one of the details allows an action on a topic."""
        return self._detail(action, topic) is not None

    def payload_for(self, pattern: str) -> Mapping[str, Any] | None:
        """Return the payload of the first detail that a subscription is for."""
        found = self._detail(SUBSCRIBE, pattern)
        return None if found is None else found.payload

    def _detail(self, action: str, topic: str) -> Detail | None:
        for each in self.details:
            if action in each.actions and any(
                one.matches(topic, self.base) for one in each.matchers
            ):
                return each
        return None


NO_GRANTS = Grants()


def grants_of(
    claims: Mapping[str, Any], *, actions: frozenset[str], base: str
) -> Grants:
    """Return what the claims of a token allow of `actions`; raises InvalidValue."""
    several = _list(claims.get("authorization_details", []), limit=None)
    found = [
        each
        for each in several
        if isinstance(each, Mapping) and each.get("type") == DETAIL_TYPE
    ]
    _list(found, limit=MAX_DETAILS)
    return Grants(tuple(_detail(each, actions, base) for each in found), base)


def _detail(value: Mapping[str, Any], actions: frozenset[str], base: str) -> Detail:
    named = _list(value.get("actions"))
    if not named or not all(isinstance(each, str) for each in named):
        raise InvalidValue(named, expected="actions, a list of strings")
    topics = _list(value.get("topics"), limit=MAX_MATCHERS)
    if not topics:
        raise InvalidValue(topics, expected="topics, a list of matchers")
    payload = value.get("payload")
    if payload is not None and not isinstance(payload, Mapping):
        raise InvalidValue(payload, expected="payload, an object")
    # Actions that are not known allow nothing.
    known = ACTIONS.intersection(named) & actions
    return Detail(known, tuple(_matcher(each, base) for each in topics), payload)


def _matcher(value: Any, base: str) -> Matcher:
    if not isinstance(value, Mapping):
        raise InvalidValue(value, expected="a matcher, an object")
    pattern, its_type = value.get("match"), value.get("match_type", EXACT)
    if not isinstance(pattern, str) or its_type not in TYPES:
        raise InvalidValue(value, expected=f"a matcher of a type in {TYPES}")
    return matcher(its_type, pattern, base)


def legacy_grants_of(
    claims: Mapping[str, Any], *, actions: frozenset[str], base: str
) -> Grants:
    """Return what the `mercure` claim of a legacy token allows; raises InvalidValue."""
    claim = claims.get("https://mercure.rocks/", claims.get("mercure")) or {}
    if not isinstance(claim, Mapping):
        raise InvalidValue(claim, expected="mercure, an object")
    payload = claim.get("payload")
    payload = payload if isinstance(payload, Mapping) else None
    details = (
        Detail(
            frozenset({action}) & actions, _selectors(claim.get(action), base), payload
        )
        for action in (PUBLISH, SUBSCRIBE)
    )
    return Grants(tuple(details), base)


def _selectors(value: Any, base: str) -> tuple[Matcher, ...]:
    found = _list([] if value is None else value, limit=MAX_MATCHERS)
    if not all(isinstance(each, str) for each in found):
        raise InvalidValue(found, expected="a list of topic selectors")
    return tuple(matcher(TEMPLATE, each, base) for each in found)


def _list(value: Any, *, limit: int | None = MAX_MATCHERS) -> list[Any]:
    if not isinstance(value, list) or (limit is not None and len(value) > limit):
        raise InvalidValue(type(value), expected=f"a list of at most {limit}")
    return value
