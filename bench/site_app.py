"""Writes to a file when each question was committed, for the scenario `site`."""

import os
import time
from typing import Any

from django.apps import AppConfig
from django.db import transaction
from django.db.models.signals import pre_save


class Bench(AppConfig):
    """Writes a line for each question: its key and CLOCK_MONOTONIC in nanoseconds."""

    name = "bench"

    def ready(self) -> None:
        from project.qa.models import Question

        pre_save.connect(note_commit, sender=Question, dispatch_uid="bench")


def note_commit(instance: Any, **_: Any) -> None:
    """Register the first function to run on commit, before the app's relay."""
    transaction.on_commit(lambda: _write(instance.pk))


def _write(pk: int) -> None:
    with open(os.environ["BENCH_COMMITS"], "a") as file:
        file.write(f"{pk} {time.monotonic_ns()}\n")
