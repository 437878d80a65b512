import redis
from playwright.sync_api import expect


def test_stream_page_shows_events(visit, maja):
    page = visit("/notifications/stream/?topic=topic:*")
    expect(page.locator("pre[data-kind=heartbeat]").first).to_be_visible()

    maja.ask("Shown as it <b>came</b>?")

    event = page.locator("pre[data-kind=new_question]")
    expect(event).to_contain_text("Shown as it <b>came</b>?")
    expect(event).to_contain_text("id: ")


def test_stream_page_says_why_a_stream_is_refused(visit, errors):
    page = visit("/notifications/stream/")

    expect(page.locator("pre[data-kind=problem]")).to_contain_text("refused: 403")
    errors.clear()


def test_stream_page_shows_a_channel(visit, site):
    page = visit("/notifications/stream/?channel=sse")
    expect(page.locator("pre[data-kind=heartbeat]").first).to_be_visible()

    with redis.Redis.from_url(site.redis.url) as client:
        client.publish("sse", '{"data": "hi", "type": "greeting"}')

    expect(page.locator("pre[data-kind=greeting]")).to_contain_text("hi")
