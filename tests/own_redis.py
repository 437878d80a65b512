"""A Redis that tests have for themselves, and stop and restart as they like.

Its user `site` has the documented rights and no others. Tests that are about the app
use Redis as this user, and the tests themselves as one who may do everything.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from notifications.log.rights import rules
from project.redis_server import RedisServer
from tests.watchdog import watch_redis

START_SECONDS = 30
USER, PASSWORD = "site", "site's"
# Each test has another prefix.
PREFIXES = "{*}"


class OwnRedis(RedisServer):
    """A Redis with the user `site`."""

    @property
    def site_url(self) -> str:
        """The URL for a site."""
        return as_site(self.url)

    def _options(self) -> list[str]:
        user = ["--user", USER, "on", f">{PASSWORD}", *rules(PREFIXES, channels="*")]
        # Scripts publish to channels as this user, too.
        return [*super()._options(), *user, "+publish"]


def as_site(url: str) -> str:
    """Return a URL of Redis with the name and password of the user `site`."""
    return url.replace("://", f"://{USER}:{PASSWORD}@")


@contextmanager
def own_redis() -> Iterator[OwnRedis]:
    """Run a Redis, in a folder short enough for its socket, until the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="redis-"))
    server = OwnRedis(folder)
    watch_redis(folder)
    server.ensure_running(timeout=START_SECONDS)
    yield server
    server.stop()
    shutil.rmtree(folder)
