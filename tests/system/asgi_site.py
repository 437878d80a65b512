"""The real site under an ASGI server, in one process."""

import sys

from tests.system.server import Site
from tests.system.transports import ASGI

UVICORN = ("uvicorn", "--lifespan", "off", "--host", "127.0.0.1", "--port", "{port}")
# In one process, which a test can look into. It keeps a socket that long after the
# client has left.
HYPERCORN = (
    "hypercorn", "--workers", "0", "--keep-alive", "1", "--bind", "127.0.0.1:{port}"
)  # fmt: skip
DAPHNE = ("daphne", "--bind", "127.0.0.1", "--port", "{port}")


class AsgiSite(Site):
    """A site whose `server` is one of the above."""

    def __init__(
        self,
        server: tuple[str, ...] = UVICORN,
        environment: dict[str, str] | None = None,
    ) -> None:
        super().__init__(workers=1, environment=environment)
        self._server = server

    def command(self) -> list[str]:
        """Return the command that starts the server."""
        arguments = [each.format(port=self.port) for each in self._server]
        return [sys.executable, "-m", *arguments, "project.asgi:application"]

    def workers(self) -> list[int]:
        """Return the process id of the server, which starts no others."""
        assert self.process is not None
        return [self.process.pid]


def site_for(worker_class: str, *, environment: dict[str, str] | None = None) -> Site:
    """Return a site under uvicorn if `worker_class` says so, or else gunicorn."""
    if worker_class == ASGI:
        return AsgiSite(environment=environment)
    return Site(workers=2, environment=environment, worker_class=worker_class)
