"""Turns plain text and imported HTML into HTML that is safe to show.

All HTML of posts goes through `sanitize`. Nothing here reads the database.
"""

import html
import re
from collections.abc import Iterator, Mapping

import nh3
from django.utils.html import format_html, linebreaks, urlize
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import slugify

EXCERPT_CHARS = 200

# No h1 and h2, which are the page's own headings; no landmarks, forms, frames, classes.
ALLOWED_TAGS = {
    *("h3", "h4", "h5", "h6", "p", "div", "pre", "blockquote", "hr", "br", "wbr"),
    *("ul", "ol", "li", "dl", "dt", "dd", "details", "summary", "figure", "figcaption"),
    *("table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td"),
    *("a", "img", "b", "strong", "i", "em", "u", "s", "del", "ins", "mark", "small"),
    *("sub", "sup", "span", "code", "kbd", "samp", "var", "tt", "strike"),
    *("abbr", "cite", "dfn", "q"),
}
ALLOWED_ATTRIBUTES = {
    "*": {"lang", "title"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "ol": {"start"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
}
IMAGE_URL = re.compile("https?://", re.IGNORECASE)
LINK_URL = re.compile("https?://|mailto:", re.IGNORECASE)
PAGE_HEADING = re.compile(r"(</?)h[12](?=[\s>])", re.IGNORECASE)
BLOCK_EDGE = re.compile(
    r"<(?=/?(?:blockquote|br|dd|div|dt|h\d|hr|li|ol|p|pre|table|td|th|tr|ul)\b)",
    re.IGNORECASE,
)
# The characters of usernames without @, which begins a mention.
MENTION = re.compile(r"(?<![\w.@+/-])@([\w.+-]+)")
END_OF_SENTENCE = ".+-"
# A tag as nh3 writes it: a quoted attribute may contain ">".
HTML_TAG = re.compile(r'(<(?:[^">]|"[^"]*")*>)')
# Nothing in these is a mention.
NO_MENTIONS = ("a", "code", "pre", "kbd", "samp")
# Otherwise C++ and C# would both become the topic C.
SIGN_WORDS = str.maketrans({"+": " plus ", "#": " sharp ", "&": " and ", ".": " "})


def _keep_attribute(tag: str, name: str, value: str) -> str | None:
    """Drop a relative URL: it was relative to another site."""
    pattern = {"src": IMAGE_URL, "href": LINK_URL}.get(name)
    return None if pattern and not pattern.match(value) else value


_html_cleaner = nh3.Cleaner(
    tags=ALLOWED_TAGS,
    attributes=ALLOWED_ATTRIBUTES,
    attribute_filter=_keep_attribute,
    url_schemes={"http", "https", "mailto"},
    link_rel="nofollow noopener",
    set_tag_attribute_values={"img": {"loading": "lazy"}},
)
_text_cleaner = nh3.Cleaner(tags=set(), attributes={})


def sanitize(markup: str) -> SafeString:
    """Return HTML with only the allowed tags and attributes; h1 and h2 become h3."""
    lowered = PAGE_HEADING.sub(r"\1h3", markup)
    return mark_safe(_html_cleaner.clean(lowered))  # noqa: S308


def plain_to_html(text: str) -> SafeString:
    """Return plain text as HTML: escaped, in paragraphs, with URLs as links."""
    return sanitize(linebreaks(urlize(text, autoescape=True)))


def html_to_text(markup: str) -> str:
    """Return the text of HTML on one line, without tags and entities."""
    spaced = BLOCK_EDGE.sub(" <", markup)
    return " ".join(html.unescape(_text_cleaner.clean(spaced)).split())


def shorten(text: str, *, chars: int = EXCERPT_CHARS) -> str:
    """Return text on one line of at most `chars` characters, cut between words."""
    line = " ".join(text.split())
    if len(line) <= chars:
        return line
    cut = line[:chars]
    words = cut.rpartition(" ")[0] or cut[:-1]
    return words.rstrip(" ,.;:") + "…"


def name_to_slug(name: str, *, chars: int) -> str:
    """Return a name as a slug of at most `chars` characters, which may be empty."""
    return slugify(name.translate(SIGN_WORDS))[:chars].strip("-_")


def mentioned_names(text: str) -> list[str]:
    """Return what may be names of people after `@`, each once.

    "@maja." may name somebody called "maja." or, at the end of a sentence, "maja".
    """
    found = (match[1] for match in MENTION.finditer(text))
    both = (each for name in found for each in (name, name.rstrip(END_OF_SENTENCE)))
    return [*dict.fromkeys(filter(None, both))]


def link_mentions(markup: str, urls: Mapping[str, str]) -> SafeString:
    """Return sanitized HTML in which each `@name` is a link, if `urls` has the name."""
    return mark_safe("".join(_linked(markup, urls)))  # noqa: S308


def _linked(markup: str, urls: Mapping[str, str]) -> Iterator[str]:
    def link(match: re.Match[str]) -> str:
        name = match[1] if match[1] in urls else match[1].rstrip(END_OF_SENTENCE)
        rest = match[1].removeprefix(name)
        if name not in urls:
            return match[0]
        return format_html('<a href="{}">@{}</a>{}', urls[name], name, rest)

    depth = 0
    for part in HTML_TAG.split(markup):
        if part.startswith("<"):
            name = part.strip("</>").partition(" ")[0]
            depth += (-1 if part.startswith("</") else 1) * (name in NO_MENTIONS)
        yield part if depth or part.startswith("<") else MENTION.sub(link, part)


def remove_nul(text: str) -> str:
    """Return text from a URL without NUL, which PostgreSQL rejects."""
    return text.replace("\0", "")
