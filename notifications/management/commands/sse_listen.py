"""./manage.py sse_listen: what a stream would get, as it comes."""

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management import BaseCommand, CommandError, CommandParser

from notifications.exceptions import InvalidTopic, LogUnavailable
from notifications.live.hub import shared_hub
from notifications.protocol import topics
from notifications.streams.event_stream import EventStream
from notifications.streams.open_stream import (
    Client,
    open_stream,
    subscriber_of,
    subscriptions_of,
)

WRONG_INPUT = 2
REDIS_AWAY = 1


class Command(BaseCommand):
    """Print the stream of a person, or of topics."""

    help = "Print what a stream gets, as it comes; Ctrl-C ends it."

    def add_arguments(self, parser: CommandParser) -> None:
        whose = parser.add_mutually_exclusive_group(required=True)
        whose.add_argument("--user", help="username of whose stream to print")
        whose.add_argument(
            "--topic",
            action="append",
            help="a topic, as in user:7, or all of a kind, as in user:*; repeatable",
        )
        parser.add_argument(
            "--last-event-id", help="cursor to resume from, as the stream gave it"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        requested_topics = options["topic"] or []
        try:
            for topic in requested_topics:
                topics.parse_selector(topic)
            user = _user(options["user"]) if options["user"] else None
            # Before the follows are read: see open_stream.
            shared_hub().ensure_started()
            as_of = shared_hub().position
            stream = open_stream(
                Client(subscriber_of(user, None), subscriptions_of(user)),
                as_of=as_of,
                requested_topics=requested_topics,
                after=options["last_event_id"],
            )
        except InvalidTopic as error:
            raise CommandError(str(error), returncode=WRONG_INPUT) from error
        except LogUnavailable as error:
            message = f"Redis is away: {error}"
            raise CommandError(message, returncode=REDIS_AWAY) from error
        self._print(stream)

    def _print(self, stream: EventStream) -> None:
        try:
            for chunk in stream:
                self.stdout.write(chunk.decode(), ending="")
                self.stdout.flush()
        except (KeyboardInterrupt, BrokenPipeError):
            pass
        finally:
            stream.close()


def _user(username: str) -> Any:
    try:
        return get_user_model()._default_manager.get_by_natural_key(username)
    except get_user_model().DoesNotExist:
        raise CommandError(
            f"There is no user named {username!r}.", returncode=WRONG_INPUT
        ) from None
