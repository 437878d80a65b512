import pytest

from tests.live.listener import Listener, post, sign_in
from tests.live.server import Site


@pytest.fixture(scope="module")
def site():
    with Site(workers=2) as site:
        site.manage("seed_demo")
        yield site


def test_a_question_reaches_who_follows_its_topic(site):
    asker = sign_in(site.url, "asker")
    reader = sign_in(site.url, "reader")
    site.shell(
        "from project.qa.models import Topic; Topic.objects.create(slug='moss', name='Moss')"
    )
    token = {"X-CSRFToken": reader.cookies["csrftoken"]}
    assert reader.put("/notifications/follows/topic:moss/", headers=token).is_success

    with Listener(reader) as listener:
        posted = post(asker, "/ask/", title="Why?", body="Tell me.", topics="Moss")
        (event,) = listener.wait_for(1, "new_question")

    assert posted.status_code == 302
    assert event["title"] == "Why?"
    assert "topic:moss" in event["topics"]
