"""Pages of posts, newest first, that do not shift while new posts arrive.

A page is found by the post it starts after, never by a number of posts to skip: it
costs the same at any depth, and shows no post twice.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

from django.db.models import Q, QuerySet
from django.http import Http404

from project.qa.models import Post

PAGE_SIZE = 20
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The lengths keep the time within datetime and the key within a 64-bit integer.
PLACE = re.compile(r"(\d{1,16})-(\d{1,18})", re.ASCII)

P = TypeVar("P", bound=Post)


@dataclass(frozen=True, slots=True)
class Page(Generic[P]):
    """Some posts, and the query strings that lead on; "" where there is no more."""

    items: list[P]
    newer: str = ""
    older: str = ""


def paginate(
    posts: QuerySet[P],
    query: Mapping[str, str],
    *,
    prefix: str = "",
    size: int = PAGE_SIZE,
) -> Page[P]:
    """Return the page of `posts` that `query` asks for.

    `query` may hold `<prefix>before` or `<prefix>after`, each the place of a post.
    `prefix` tells two lists on one page apart. Raises Http404 for a malformed place.
    """
    before, after = f"{prefix}before", f"{prefix}after"
    if after in query:
        rows = list(_newer_than(posts, query[after])[: size + 1])
        if len(rows) > size:
            items = rows[size - 1 :: -1]
            return Page(
                items, newer=_link(after, items[0]), older=_link(before, items[-1])
            )
        # Fewer than a page: what is newer is the first page.
    elif before in query:
        return _page(_older_than(posts, query[before]), before, size=size, newer=after)
    return _page(posts, before, size=size)


def _page(posts: QuerySet[P], before: str, *, size: int, newer: str = "") -> Page[P]:
    rows = list(posts.order_by("-created", "-pk")[: size + 1])
    items = rows[:size]
    return Page(
        items,
        newer=_link(newer, items[0]) if newer and items else "",
        older=_link(before, items[-1]) if len(rows) > size else "",
    )


def _older_than(posts: QuerySet[P], place: str) -> QuerySet[P]:
    created, pk = _parse(place)
    # The first condition says nothing new, but lets the index on `created` be used.
    return posts.filter(created__lte=created).filter(
        Q(created__lt=created) | Q(pk__lt=pk)
    )


def _newer_than(posts: QuerySet[P], place: str) -> QuerySet[P]:
    created, pk = _parse(place)
    return (
        posts.filter(created__gte=created)
        .filter(Q(created__gt=created) | Q(pk__gt=pk))
        .order_by("created", "pk")
    )


def _parse(place: str) -> tuple[datetime, int]:
    match = PLACE.fullmatch(place)
    if match is None:
        raise Http404("There is no such page.")
    return EPOCH + timedelta(microseconds=int(match[1])), int(match[2])


def _link(name: str, post: Post) -> str:
    micros = (post.created - EPOCH) // timedelta(microseconds=1)
    return f"?{name}={micros}-{post.pk}"
