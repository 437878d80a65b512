"""A process that may have few descriptors: streams leave some for all else."""

from tests.http_client import http_client
from tests.system.crowd import Crowd, wait_until_live
from tests.system.hooks import ENVIRONMENT
from tests.system.publisher import Publisher, wait_for_event
from tests.system.server import Site, wait_for
from tests.system.topics import asking, new_topics
from tests.system.transports import hijacked

DESCRIPTORS = 256
# More than these allow.
STREAMS = 250


@hijacked
def test_streams_leave_descriptors_for_pages_and_the_database():
    few = {**ENVIRONMENT, "LIVE_DESCRIPTORS": str(DESCRIPTORS)}
    [topic] = new_topics(1)
    with Site(workers=1, environment=few) as site, Crowd(site) as crowd:
        streams = [crowd.open(asking([topic])) for _ in range(STREAMS)]
        wait_for(lambda: all(each.statuses for each in streams), what="responses")
        live = [each for each in streams if each.statuses[0] == 200]
        wait_until_live(live)
        with Publisher(site) as publisher:
            wait_for_event(live, publisher.publish(topic))
        with http_client(site.url, keep_alive=False) as client:
            statuses = [client.get("/").status_code for _ in range(5)]
        output = site.output.read_text()

    assert DESCRIPTORS / 2 < len(live) < DESCRIPTORS * 3 / 4
    assert {each.statuses[0] for each in streams} == {200, 429}
    assert statuses == [200] * 5
    assert f"streams=limited limit={len(live)} " in output
    assert f" open_files={DESCRIPTORS} " in output
    assert "Too many open files" not in output
    assert "unable to open" not in output
