"""./manage.py sse_publish: record events by hand, checked like any other."""

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

WRONG_INPUT = 2
REDIS_AWAY = 1


class Command(BaseCommand):
    """Publish events; prints the uid and the cursor of each."""

    help = (
        "Publish an event to those who follow a topic. Prints its uid and cursor. "
        "Exits with 2 for wrong input, and with 1 when Redis is away: the event is "
        "kept then, and relayed once Redis is back."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("event", help="name of an event type, as in new_comment")
        parser.add_argument(
            "--topic",
            action="append",
            required=True,
            help="a topic it is addressed to, as in user:7; may be repeated",
        )
        parser.add_argument(
            "--data", required=True, help="payload as JSON; - reads standard input"
        )
        parser.add_argument(
            "--lines", action="store_true", help="read one payload from each line"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self.pending = self.refused = 0
        try:
            self.event_type = event_type(options["event"])
        except UnknownEventType as error:
            raise CommandError(str(error), returncode=WRONG_INPUT) from error
        self.topics: list[str] = options["topic"]
        if options["lines"]:
            self._publish_lines(_lines(options["data"]))
        else:
            self._publish_one(options["data"])
        self._report()

    def _report(self) -> None:
        """Raise CommandError unless all was right and is relayed."""
        said = []
        if self.refused:
            said.append(f"Lines that were wrong and skipped: {self.refused}.")
        if self.pending:
            said.append(
                f"Redis is away: {self.pending} kept, and relayed once it is back."
            )
        if said:
            code = WRONG_INPUT if self.refused else REDIS_AWAY
            raise CommandError(" ".join(said), returncode=code)

    def _publish_one(self, data: str) -> None:
        try:
            self._publish(sys.stdin.read() if data == "-" else data)
        except (ValueError, NotificationsError) as error:
            raise CommandError(str(error), returncode=WRONG_INPUT) from error

    def _publish_lines(self, lines: Iterable[str]) -> None:
        """Publish what is right, and name each line that is not."""
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
    """Return the payload that `text` writes as JSON; raises InvalidPayload."""
    try:
        data = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise InvalidPayload(event_type.name, problem=f"no JSON: {error}") from None
    if not isinstance(data, dict):
        raise InvalidPayload(event_type.name, problem="expected a JSON object")
    return data


def _lines(data: str) -> Iterator[str]:
    """Yield the lines to publish; raises CommandError for input that is no text."""
    try:
        yield from sys.stdin if data == "-" else data.splitlines()
    except UnicodeDecodeError as error:
        message = f"standard input: {error}"
        raise CommandError(message, returncode=WRONG_INPUT) from error
