"""./manage.py sse_publish: record events from the command line."""

import json
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from notifications.exceptions import (
    InvalidPayload,
    NotificationsError,
    UnknownEventType,
)
from notifications.publishing import outbox
from notifications.publishing.event_types import EventType, event_type

INVALID_INPUT = 2
REDIS_AWAY = 1


class Command(BaseCommand):
    """Publish events of one type; print the uid and the cursor of each."""

    help = (
        "Publish an event to the followers of topics, and print its uid and cursor. "
        "The exit status is 2 for invalid input, and 1 when Redis is away: then the "
        "event is pending, and is relayed when Redis is back."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "event", help="name of an event type, for example new_comment"
        )
        parser.add_argument(
            "--topic",
            action="append",
            required=True,
            help="a topic of the event, for example user:7; repeatable",
        )
        parser.add_argument(
            "--data", required=True, help="payload as JSON, or - for standard input"
        )
        parser.add_argument(
            "--lines", action="store_true", help="publish one event for each line"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self.pending = self.refused = 0
        try:
            self.event_type = event_type(options["event"])
        except UnknownEventType as error:
            raise CommandError(str(error), returncode=INVALID_INPUT) from error
        self.topics: list[str] = options["topic"]
        if options["lines"]:
            self._publish_lines(_lines(options["data"]))
        else:
            self._publish_one(options["data"])
        self._report()

    def _report(self) -> None:
        """Raise CommandError if lines were invalid or events are pending."""
        problems = []
        if self.refused:
            problems.append(f"Invalid lines that were skipped: {self.refused}.")
        if self.pending:
            problems.append(
                f"Redis is away. Events to relay when it is back: {self.pending}."
            )
        if problems:
            code = INVALID_INPUT if self.refused else REDIS_AWAY
            raise CommandError(" ".join(problems), returncode=code)

    def _publish_one(self, data: str) -> None:
        try:
            self._publish(sys.stdin.read() if data == "-" else data)
        except (ValueError, NotificationsError) as error:
            raise CommandError(str(error), returncode=INVALID_INPUT) from error

    def _publish_lines(self, lines: Iterable[str]) -> None:
        """Publish the valid lines; write the others to standard error."""
        for number, line in enumerate(lines, 1):
            try:
                if line.strip():
                    self._publish(line)
            except (ValueError, NotificationsError) as error:
                self.refused += 1
                self.stderr.write(f"line {number}: {error}")

    def _publish(self, text: str) -> None:
        payload = parse(self.event_type, text)
        event = outbox.record(self.event_type, topics=self.topics, payload=payload)
        event.refresh_from_db()
        self.pending += event.relayed is None
        self.stdout.write(f"{event.uid} {event.cursor or 'pending'}")


def parse(event_type: EventType, text: str) -> dict[str, Any]:
    """Return the payload that is encoded as JSON in `text`; raises InvalidPayload."""
    try:
        data = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise InvalidPayload(event_type.name, problem=f"not JSON: {error}") from None
    if not isinstance(data, dict):
        raise InvalidPayload(event_type.name, problem="expected a JSON object")
    return data


def _lines(data: str) -> Iterator[str]:
    """Yield the lines to publish; raises CommandError for input that is not text."""
    try:
        yield from sys.stdin if data == "-" else data.splitlines()
    except UnicodeDecodeError as error:
        message = f"standard input: {error}"
        raise CommandError(message, returncode=INVALID_INPUT) from error
