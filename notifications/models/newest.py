"""The newest rows of many keys at once, by index: the query that keeps inboxes cheap.

A plain `WHERE key IN (...) ORDER BY position DESC LIMIT n` reads every row of every
key, or every row of the table. Read key by key, each a short range of the index on
(key, position), the cost grows with the number of keys and the limit alone.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from django.db import connections, models

from notifications.protocol.cursor import LARGEST_POSITION

# How many rows of each key are read first at least, and how many times as many next.
SMALLEST_PART = 2
GROWTH = 4


class Range(NamedTuple):
    """Positions between two bounds, both exclusive."""

    after: int
    before: int


class Found(NamedTuple):
    """A row: its key, its position, and the value of the wanted column."""

    key: str
    position: int
    value: int


_POSTGRESQL = """
SELECT k.key, r.position, r.{value}
FROM unnest(%s::text[], %s::bigint[], %s::bigint[]) AS k(key, after, before)
CROSS JOIN LATERAL (
    SELECT position, {value} FROM {table}
    WHERE {key} = k.key AND position > k.after AND position < k.before{condition}
    ORDER BY position DESC LIMIT %s
) r
"""
# One JSON text a key: of a join with the subquery, SQLite may read the whole table for
# each key, depending on its statistics.
_SQLITE = """
SELECT json_extract(k.value, '$[0]'), (
    SELECT json_group_array(json_array(r.position, r.{value})) FROM (
        SELECT position, {value} FROM {table}
        WHERE {key} = json_extract(k.value, '$[0]')
            AND position > json_extract(k.value, '$[1]')
            AND position < json_extract(k.value, '$[2]'){condition}
        ORDER BY position DESC LIMIT %s
    ) r
)
FROM json_each(%s) AS k
"""


class NewestRows:
    """Reads the newest rows of some keys of a model that has a `position`.

    `key` and `value` are columns; `condition` is further SQL that rows must match.
    """

    def __init__(
        self, model: type[models.Model], *, key: str, value: str, condition: str = ""
    ) -> None:
        self._model = model
        self._key = key
        self._value = value
        self._condition = f" AND {condition}" if condition else ""

    def of_each(
        self,
        ranges: Mapping[str, Range],
        *,
        limit: int,
        condition: str = "",
        params: Sequence[Any] = (),
    ) -> list[Found]:
        """Return up to `limit` of the newest rows of each key, in no order.

        `condition` is further SQL, with `params`.
        """
        if not ranges:
            return []
        connection = connections[self._model._default_manager.db]
        names = {
            "table": connection.ops.quote_name(self._model._meta.db_table),
            "key": connection.ops.quote_name(self._key),
            "value": connection.ops.quote_name(self._value),
            "condition": self._condition + (f" AND {condition}" if condition else ""),
        }
        keys = [(key, *bounds) for key, bounds in ranges.items()]
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                columns = [list(column) for column in zip(*keys, strict=True)]
                cursor.execute(_POSTGRESQL.format(**names), [*columns, *params, limit])
                return [Found(*row) for row in cursor.fetchall()]
            cursor.execute(_SQLITE.format(**names), [*params, limit, json.dumps(keys)])
            return [
                Found(key, *row)
                for key, rows in cursor.fetchall()
                for row in json.loads(rows)
            ]

    def of_all(self, ranges: Mapping[str, Range], *, limit: int) -> list[Found]:
        """Return at least `limit` of the newest rows of all keys, newest first.

        There are fewer if no more exist. No row between the returned ones is left out.
        """
        part = max(SMALLEST_PART, 2 * limit // max(len(ranges), 1))
        waiting = dict(ranges)
        found: list[Found] = []
        while waiting:
            rows = self.of_each(waiting, limit=part)
            found += rows
            found.sort(key=_position, reverse=True)
            # Keys whose remaining rows are older than this have nothing to add.
            oldest = found[limit - 1].position if len(found) >= limit else 0
            waiting = {
                key: each
                for key, each in _remaining(waiting, rows, part).items()
                if each.before > oldest
            }
            part *= GROWTH
        if len(found) < limit:
            return found
        oldest = found[limit - 1].position
        return [each for each in found if each.position >= oldest]


def _position(found: Found) -> int:
    return found.position


def _remaining(
    ranges: Mapping[str, Range], rows: list[Found], part: int
) -> dict[str, Range]:
    """Return what is left to read of the ranges of which a whole part was read."""
    oldest: dict[str, int] = {}
    count: dict[str, int] = {}
    for key, position, _ in rows:
        oldest[key] = min(position, oldest.get(key, LARGEST_POSITION))
        count[key] = count.get(key, 0) + 1
    return {
        key: Range(each.after, oldest[key])
        for key, each in ranges.items()
        if count.get(key, 0) >= part
    }
