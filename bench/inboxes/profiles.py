"""The people whose pages are measured: what they follow, and since when."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from notifications.models import Follow

MINUTE, YEAR = timedelta(minutes=1), timedelta(days=365)
# The topic with the most events, and one of those with the fewest.
BUSY, RARE = 0, 430


@dataclass(frozen=True, slots=True)
class Profile:
    """A person who follows the topics with these numbers, and mutes others."""

    name: str
    topics: Iterable[int]
    since: timedelta = YEAR
    muted: Iterable[int] = ()

    def create(self) -> User:
        """Create the person."""
        user = User.objects.create_user(self.name.replace(" ", "-"))
        levels = dict.fromkeys(self.topics, "follow") | dict.fromkeys(
            self.muted, "mute"
        )
        now = timezone.now()
        User.objects.filter(pk=user.pk).update(date_joined=now - YEAR)
        Follow.objects.bulk_create(
            Follow(
                user=user, topic=f"topic:t{each}", level=level, created=now - self.since
            )
            for each, level in levels.items()
        )
        return User.objects.get(pk=user.pk)


PROFILES = (
    Profile("1 rare topic", [RARE]),
    Profile("1 busy topic, for a minute", [BUSY], since=MINUTE),
    Profile("1 busy topic, for a year", [BUSY]),
    Profile("31 topics", range(0, 496, 16)),
    Profile("200 topics", range(0, 400, 2)),
    Profile("500 topics", range(500)),
    Profile("31 topics, the busiest muted", range(16, 512, 16), muted=[BUSY]),
)
