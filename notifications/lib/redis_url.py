"""The URL of a Redis: one server, or Sentinels or a Cluster that know where it is.

Pure: it finds nothing. No error has the URL, which may hold passwords.
"""

import enum
from dataclasses import dataclass
from typing import Self
from urllib.parse import SplitResult, parse_qsl, unquote, urlencode, urlsplit

EXPECTED = (
    "a redis://, rediss:// or unix:// URL, the same with +sentinel or +cluster after "
    "redis or rediss, or a callable returning one"
)
PORT, SENTINEL_PORT = 6379, 26379
# Options of ours in the query; redis-py gets all others.
SENTINEL_USERNAME, SENTINEL_PASSWORD = "sentinel_username", "sentinel_password"
# From where the log is read: the replicas that Sentinels or a Cluster know, or hosts.
READERS, REPLICAS = "readers", "replicas"
OWN_OPTIONS = {SENTINEL_USERNAME, SENTINEL_PASSWORD, READERS}

Host = tuple[str, int]


class Kind(enum.Enum):
    """What the hosts of a URL are."""

    SERVER = ""
    SENTINEL = "sentinel"
    CLUSTER = "cluster"


@dataclass(frozen=True, slots=True)
class RedisUrl:
    """A parsed URL.

    `hosts` are the Sentinels or nodes to ask; empty for a server. `server` is the URL
    that redis-py takes for a server, without a host if the hosts know it. `service` is
    the name of the primary that Sentinels know. `readers` are the replicas to read
    from; empty if the hosts know them, and None to read from the primary.
    """

    kind: Kind
    server: str
    hosts: tuple[Host, ...] = ()
    service: str = ""
    sentinel_username: str | None = None
    sentinel_password: str | None = None
    readers: tuple[Host, ...] | None = None

    @classmethod
    def parse(cls, url: str) -> Self:
        """Return the parts of a URL; raises ValueError, which says what is wrong."""
        parts = urlsplit(url)
        scheme, _, kind = parts.scheme.partition("+")
        if not kind and scheme in ("redis", "rediss", "unix"):
            return cls._of_server(url, parts)
        if kind not in ("sentinel", "cluster") or scheme not in ("redis", "rediss"):
            raise ValueError(f"it must be {EXPECTED}")
        if kind == "cluster":
            return cls._of_cluster(scheme, parts)
        return cls._of_sentinels(scheme, parts)

    @classmethod
    def _of_server(cls, url: str, parts: SplitResult) -> Self:
        own, rest = _options(parts)
        if READERS not in own:
            return cls(Kind.SERVER, url)
        if parts.scheme == "unix" or own[READERS] == REPLICAS:
            raise ValueError(
                f"{READERS} must name the replicas of one server, as host or host:port "
                "separated by commas; a Unix socket has none"
            )
        readers = _hosts(own[READERS], default=PORT)
        return cls(Kind.SERVER, parts._replace(query=rest).geturl(), readers=readers)

    @classmethod
    def _of_cluster(cls, scheme: str, parts: SplitResult) -> Self:
        if parts.path not in ("", "/", "/0"):
            raise ValueError("a Redis Cluster has only the database 0")
        hosts = _hosts(parts.netloc, default=PORT)
        own, rest = _options(parts)
        server = SplitResult(scheme, _user(parts), "", rest, "")
        return cls(Kind.CLUSTER, server.geturl(), hosts, readers=_known_readers(own))

    @classmethod
    def _of_sentinels(cls, scheme: str, parts: SplitResult) -> Self:
        service, _, database = parts.path.strip("/").partition("/")
        if not service or not (database or "0").isdecimal():
            raise ValueError(
                "after the Sentinels it must have the name of the primary, and "
                "optionally the number of a database: /name/0"
            )
        own, rest = _options(parts)
        server = SplitResult(scheme, _user(parts), f"/{database or 0}", rest, "")
        return cls(
            Kind.SENTINEL,
            server.geturl(),
            _hosts(parts.netloc, default=SENTINEL_PORT),
            service=unquote(service),
            sentinel_username=own.get(SENTINEL_USERNAME),
            sentinel_password=own.get(SENTINEL_PASSWORD),
            readers=_known_readers(own),
        )

    @property
    def url_without_host(self) -> str:
        """The URL of a server without its host, which redis-py takes beside it."""
        parts = urlsplit(self.server)
        return parts._replace(netloc=_user(parts)).geturl()


def mask(value: object) -> object:
    """Return a URL, or what was meant as one, without what may be secret."""
    if not isinstance(value, str) or not {*value} & {*"@?"}:
        return value
    scheme, _, rest = value.rpartition("://")
    hosts = rest.partition("?")[0].rpartition("@")[2]
    return f"{scheme}://...@{hosts}"


def _options(parts: SplitResult) -> tuple[dict[str, str], str]:
    """Return our options in the query, and the query without them."""
    query = parse_qsl(parts.query)
    own = {name: value for name, value in query if name in OWN_OPTIONS}
    rest = [(name, value) for name, value in query if name not in OWN_OPTIONS]
    return own, urlencode(rest)


def _known_readers(own: dict[str, str]) -> tuple[Host, ...] | None:
    """Return an empty tuple if Sentinels or nodes know the replicas; None for none."""
    if own.get(READERS, REPLICAS) != REPLICAS:
        raise ValueError(
            f"{READERS} must be {REPLICAS!r}: Sentinels and nodes know where they are"
        )
    return () if READERS in own else None


def _user(parts: SplitResult) -> str:
    """Return the user name and password, as in front of a host."""
    user, at, _ = parts.netloc.rpartition("@")
    return f"{user}{at}"


def _hosts(netloc: str, *, default: int) -> tuple[Host, ...]:
    return tuple(
        _host(each, default=default) for each in netloc.rpartition("@")[2].split(",")
    )


def _host(text: str, *, default: int) -> Host:
    # With IPv6 addresses in brackets.
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host:
        raise ValueError(
            "its hosts must be separated by commas, each host or host:port"
        )
    return host, port or default
