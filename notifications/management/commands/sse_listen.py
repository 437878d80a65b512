"""./manage.py sse_listen: print a stream as clients receive it."""

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

INVALID_INPUT = 2
REDIS_AWAY = 1


class Command(BaseCommand):
    """Print the stream of a user or of topics until Ctrl-C."""

    help = "Print a stream as clients receive it, until Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument("--user", help="username of the user whose stream to print")
        source.add_argument(
            "--topic",
            action="append",
            help="a topic, for example user:7, or all of a kind: user:*; repeatable",
        )
        parser.add_argument(
            "--last-event-id", help="cursor to resume from, an id of the stream"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        requested_topics = options["topic"] or []
        try:
            for topic in requested_topics:
                topics.parse_selector(topic)
            user = _user(options["user"]) if options["user"] else None
            # Before the follows are read; see open_stream.
            shared_hub().ensure_started()
            as_of = shared_hub().position
            stream = open_stream(
                Client(subscriber_of(user, None), subscriptions_of(user)),
                as_of=as_of,
                requested_topics=requested_topics,
                after=options["last_event_id"],
            )
        except InvalidTopic as error:
            raise CommandError(str(error), returncode=INVALID_INPUT) from error
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
            f"There is no user {username!r}.", returncode=INVALID_INPUT
        ) from None
