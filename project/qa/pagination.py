"""Keyset pagination of posts, newest first.

A page starts after the position of a post, not at an offset. So new posts do not shift
the pages, and every page costs the same.
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
# "<microseconds since the epoch>-<primary key>". The lengths keep the time within the
# range of datetime and the key within a 64-bit integer.
POSITION = re.compile(r"(\d{1,16})-(\d{1,18})", re.ASCII)

P = TypeVar("P", bound=Post)


@dataclass(frozen=True, slots=True)
class Page(Generic[P]):
    """The posts of a page, and the query strings of its neighbours; empty for none."""

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

    `query` may have `<prefix>before` or `<prefix>after`, the position of a post.
    `prefix` distinguishes two lists on one page. `size` is the number of posts on a
    page. Raises Http404 for a malformed position.
    """
    before, after = f"{prefix}before", f"{prefix}after"
    if after in query:
        rows = list(_newer_than(posts, query[after])[: size + 1])
        if len(rows) > size:
            items = rows[size - 1 :: -1]
            return Page(
                items,
                newer=_query_string(after, items[0]),
                older=_query_string(before, items[-1]),
            )
        # There is no full page of newer posts: show the first page.
    elif before in query:
        return _page(_older_than(posts, query[before]), before, size=size, newer=after)
    return _page(posts, before, size=size)


def _page(posts: QuerySet[P], before: str, *, size: int, newer: str = "") -> Page[P]:
    rows = list(posts.order_by("-created", "-pk")[: size + 1])
    items = rows[:size]
    return Page(
        items,
        newer=_query_string(newer, items[0]) if newer and items else "",
        older=_query_string(before, items[-1]) if len(rows) > size else "",
    )


def _older_than(posts: QuerySet[P], position: str) -> QuerySet[P]:
    created, pk = _parse(position)
    # The first condition is redundant, but lets the database use an index.
    return posts.filter(created__lte=created).filter(
        Q(created__lt=created) | Q(pk__lt=pk)
    )


def _newer_than(posts: QuerySet[P], position: str) -> QuerySet[P]:
    created, pk = _parse(position)
    return (
        posts.filter(created__gte=created)
        .filter(Q(created__gt=created) | Q(pk__gt=pk))
        .order_by("created", "pk")
    )


def _parse(position: str) -> tuple[datetime, int]:
    match = POSITION.fullmatch(position)
    if match is None:
        raise Http404("There is no such page.")
    return EPOCH + timedelta(microseconds=int(match[1])), int(match[2])


def _query_string(name: str, post: Post) -> str:
    microseconds = (post.created - EPOCH) // timedelta(microseconds=1)
    return f"?{name}={microseconds}-{post.pk}"
