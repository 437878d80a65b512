"""Where Redis is: what a URL means, and what is said when the way there is barred."""

from contextlib import ExitStack

import pytest

from notifications.exceptions import LogUnavailable
from notifications.lib.redis_url import Kind, RedisUrl, mask
from notifications.log import rights
from notifications.log.stream import Log
from tests.own_redis import as_site
from tests.tls import Authority, behind_tls


def test_url_of_sentinels_has_two_passwords():
    url = RedisUrl.parse(
        "rediss+sentinel://me:p%40ss@one,two:1,[::1]:2/main/3"
        "?sentinel_password=s%26&ssl_ca_certs=%2Fca.pem"
    )

    assert url == RedisUrl(
        Kind.SENTINEL,
        "rediss://me:p%40ss@/3?ssl_ca_certs=%2Fca.pem",
        (("one", 26379), ("two", 1), ("::1", 2)),
        service="main",
        sentinel_password="s&",
    )


def test_url_of_a_cluster_has_its_nodes():
    url = RedisUrl.parse("redis+cluster://:secret@one,two:1")

    hosts = (("one", 6379), ("two", 1))
    assert url == RedisUrl(Kind.CLUSTER, "redis://:secret@", hosts)


def test_url_names_the_replicas_to_read_from():
    server = RedisUrl.parse("redis://me:p@one/2?readers=two,three:1&protocol=3")
    sentinels = RedisUrl.parse("redis+sentinel://one/main?readers=replicas")
    cluster = RedisUrl.parse("redis+cluster://one?readers=replicas")

    assert server.readers == (("two", 6379), ("three", 1))
    assert server.server == "redis://me:p@one/2?protocol=3"
    assert server.url_without_host == "redis://me:p@/2?protocol=3"
    assert sentinels.readers == cluster.readers == ()
    assert RedisUrl.parse("redis+sentinel://one/main").readers is None


@pytest.mark.parametrize(
    "url",
    [
        "redis://:secret@one?readers=replicas",
        "redis://:secret@one?readers=two:x",
        "redis+sentinel://:secret@one/main?readers=two",
        "redis+cluster://:secret@one?readers=two",
        "unix://:secret@/redis.sock?readers=two",
        "redis+sentinel://:secret@one",
        "redis+sentinel://:secret@one/main/x",
        "redis+sentinel://:secret@/main",
        "redis+sentinel://:secret@one:x/main",
        "redis+cluster://:secret@one/1",
        "redis+other://:secret@one",
        "unix+sentinel://:secret@one/main",
    ],
)
def test_error_of_an_invalid_url_does_not_show_it(url):
    with pytest.raises(ValueError, match=r"\w") as caught:
        RedisUrl.parse(url)

    assert "secret" not in str(caught.value)
    assert "secret" not in str(mask(url))


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls") / "ca")


@pytest.fixture
def secure_log(authority, redis_server):
    """A function that returns a log behind TLS, with and without certificates."""
    with ExitStack() as stack:

        def secure_log(*, days=1, client_days=1, ca=authority):
            served = authority.issue("server", days=days)
            port = stack.enter_context(
                behind_tls(redis_server.socket, served, authority)
            )
            options = [f"ssl_ca_certs={ca.path}"]
            if client_days:
                own = authority.issue("client", days=client_days)
                options += [f"ssl_certfile={own.path}", f"ssl_keyfile={own.key_path}"]
            url = f"rediss://localhost:{port}/0?{'&'.join(options)}"
            log = Log(lambda: as_site(url), prefix="tls")
            stack.callback(log.close)
            return log

        yield secure_log


def test_redis_is_reached_with_certificates_of_both_sides(secure_log):
    log = secure_log()

    [cursor] = log.append([("uid", b"{}")])

    assert log.contains(cursor)


@pytest.mark.parametrize(
    ("wrong", "advice"),
    [
        ({"days": -1}, "the certificate of Redis has expired: renew"),
        ({"client_days": -1}, "of this client has expired: renew"),
        ({"client_days": 0}, "set ssl_certfile and ssl_keyfile"),
    ],
    ids=str,
)
def test_certificate_that_is_refused_is_named(secure_log, wrong, advice):
    log = secure_log(**wrong)

    with pytest.raises(LogUnavailable, match=advice):
        log.position()


def test_authority_that_is_not_trusted_is_named(secure_log, tmp_path):
    log = secure_log(ca=Authority(tmp_path / "other"))

    with pytest.raises(LogUnavailable, match=r"not trusted.*set ssl_ca_certs"):
        log.position()


def test_wrong_password_is_named_without_showing_it(redis_server):
    log = Log(lambda: redis_server.site_url.replace("site's", "guess"))

    with pytest.raises(LogUnavailable, match="name or password: correct") as caught:
        log.position()

    assert "guess" not in str(caught.value)


def test_missing_rights_are_named(redis_server, redis_client):
    rules = ["reset", "on", ">pw", *rights.rules("{*}"), "-zadd", "-info"]
    redis_client.execute_command("ACL", "SETUSER", "poor", *rules)
    log = Log(lambda: f"unix://poor:pw@{redis_server.socket}")

    with pytest.raises(LogUnavailable, match=r"lacks rights.*: \+info \+zadd"):
        log.rights.check()

    assert log.rights.problem
    log.close()


def test_documented_rights_are_enough(log):
    log.rights.check()

    assert log.rights.problem == ""
