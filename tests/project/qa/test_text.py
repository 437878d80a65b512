import re

import pytest

from project.qa import text
from project.qa.models import Answer, Question

HARM = re.compile(
    "script|style|class|id=|data:|src=|on[a-z]+=|<(iframe|form|button|svg)"
)


@pytest.mark.parametrize(
    "markup",
    [
        "<script>alert(1)</script>",
        "<style>body{display:none}</style>",
        "<p style='position:fixed' onclick='x()' class='page' id='content'>p</p>",
        "<a href='javascript:alert(1)'>a</a>",
        "<a href='data:text/html,x'>a</a>",
        "<img src=x onerror=alert(1)>",
        "<img src='data:image/svg+xml,x'>",
        "<img src='//evil.example/x.png'>",
        "<iframe src='https://evil.example'></iframe>",
        "<form action='/logout/'><button>b</button></form>",
        "<svg><script>alert(1)</script></svg>",
        "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    ],
)
def test_harmful_markup_is_removed(markup):
    cleaned = text.sanitize(markup)

    assert not HARM.search(cleaned)


def test_harmless_markup_is_kept():
    markup = "<p>Set <code>a &lt; b</code> and <strong>wait</strong>.</p>"

    assert text.sanitize(markup) == markup


def test_links_have_nofollow():
    cleaned = text.sanitize("<a href='https://example.com'>x</a>")

    assert 'rel="nofollow noopener"' in cleaned


def test_images_with_absolute_urls_are_kept():
    cleaned = text.sanitize("<img src='https://example.com/a.png' alt='A cup'>")

    assert 'src="https://example.com/a.png"' in cleaned
    assert 'alt="A cup"' in cleaned


@pytest.mark.parametrize("href", ["/logout/", "//evil.example", "?x", "#content", "x"])
def test_relative_links_are_removed(href):
    assert "href" not in text.sanitize(f"<a href='{href}'>words</a>")


def test_headings_of_a_body_start_at_h3():
    assert text.sanitize("<H1 id=x>A</H1><h2>B</h2>") == "<h3>A</h3><h3>B</h3>"


def test_plain_text_is_escaped():
    post = Question(body="<script>alert(1)</script> & <b>b</b>")

    assert "<script" not in post.body_as_html
    assert "&lt;b&gt;b&lt;/b&gt;" in post.body_as_html


def test_paragraphs_of_plain_text_are_kept():
    post = Answer(body="one\ntwo\n\nthree")

    assert post.body_as_html == "<p>one<br>two</p>\n\n<p>three</p>"


def test_urls_in_plain_text_become_links():
    html = Answer(body="See https://example.com/a?b=1&c=2.").body_as_html

    assert (
        '<a href="https://example.com/a?b=1&amp;c=2" rel="nofollow noopener">' in html
    )


def test_javascript_urls_in_plain_text_are_not_links():
    assert "<a" not in Answer(body="javascript:alert(1)").body_as_html


def test_excerpt_of_html_has_no_tags():
    question = Question(
        body="<p>One &amp; t<b>wo</b></p><p>three</p><script>x()</script>",
        body_is_html=True,
    )

    assert question.excerpt == "One & two three"


def test_excerpt_of_plain_text_keeps_text_like_a_tag():
    assert Question(body="if a <b> c\n\nthen").excerpt == "if a <b> c then"


def test_excerpt_is_cut_between_words():
    excerpt = Question(body="wordy " * 100).excerpt

    assert len(excerpt) <= 200
    assert excerpt.endswith("wordy…")


def test_long_word_is_cut_inside():
    assert text.shorten("x" * 500, chars=10) == "x" * 9 + "…"


def test_short_text_is_not_cut():
    assert text.shorten("a b", chars=3) == "a b"


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("French press", "french-press"),
        ("C++", "c-plus-plus"),
        ("C#", "c-sharp"),
        ("Node.js", "node-js"),
        ("Café", "cafe"),
        ("-_-", ""),
        ("日本", ""),
    ],
)
def test_name_becomes_a_slug(name, slug):
    assert text.name_to_slug(name, chars=60) == slug


def test_slug_that_is_cut_does_not_end_with_a_hyphen():
    assert text.name_to_slug("abc def", chars=4) == "abc"
