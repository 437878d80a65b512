"""Counts of related rows, for queries."""

from django.db import models
from django.db.models.functions import Coalesce


def count_of(rows: models.QuerySet[models.Model], name: str) -> Coalesce:
    """Return the number of `rows` whose column `name` has the key of the outer row.

    As a subquery it is evaluated for the rows of one page only.
    """
    same = rows.filter(**{name: models.OuterRef("pk")}).order_by().values(name)
    return Coalesce(models.Subquery(same.values(n=models.Count("*"))), 0)
