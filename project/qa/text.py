"""Turns what people wrote, and what was imported, into HTML that is safe to show.

Everything shown as HTML goes through `clean`; nothing here reads the database.
"""

import html
import re

import nh3
from django.utils.html import linebreaks, urlize
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import slugify

EXCERPT_CHARS = 200

# No h1 or h2: those belong to the page. No landmarks, forms, frames or classes.
TAGS = {
    *("h3", "h4", "h5", "h6", "p", "div", "pre", "blockquote", "hr", "br", "wbr"),
    *("ul", "ol", "li", "dl", "dt", "dd", "details", "summary", "figure", "figcaption"),
    *("table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td"),
    *("a", "img", "b", "strong", "i", "em", "u", "s", "del", "ins", "mark", "small"),
    *("sub", "sup", "span", "code", "kbd", "samp", "var", "tt", "strike"),
    *("abbr", "cite", "dfn", "q"),
}
ATTRIBUTES = {
    "*": {"lang", "title"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "ol": {"start"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
}
PICTURE_URL = re.compile("https?://", re.IGNORECASE)
LINK_URL = re.compile("https?://|mailto:", re.IGNORECASE)
HIGH_HEADING = re.compile(r"(</?)h[12](?=[\s>])", re.IGNORECASE)
BLOCK_EDGE = re.compile(
    r"<(?=/?(?:blockquote|br|dd|div|dt|h\d|hr|li|ol|p|pre|table|td|th|tr|ul)\b)",
    re.IGNORECASE,
)
# So that C++ and C# do not both become the topic C.
SPELT_OUT = str.maketrans({"+": " plus ", "#": " sharp ", "&": " and ", ".": " "})


def _keep_attribute(tag: str, name: str, value: str) -> str | None:
    """Drop an address that is not a whole one: here it would lead somewhere else."""
    wanted = {"src": PICTURE_URL, "href": LINK_URL}.get(name)
    return None if wanted and not wanted.match(value) else value


_page_cleaner = nh3.Cleaner(
    tags=TAGS,
    attributes=ATTRIBUTES,
    attribute_filter=_keep_attribute,
    url_schemes={"http", "https", "mailto"},
    link_rel="nofollow noopener",
    set_tag_attribute_values={"img": {"loading": "lazy"}},
)
_text_cleaner = nh3.Cleaner(tags=set(), attributes={})


def clean(markup: str) -> SafeString:
    """Return `markup` with everything but harmless tags and attributes removed."""
    lowered = HIGH_HEADING.sub(r"\1h3", markup)
    return mark_safe(_page_cleaner.clean(lowered))  # noqa: S308


def typed_to_html(text: str) -> SafeString:
    """Return typed text as HTML: escaped, in paragraphs, with its URLs as links."""
    return clean(linebreaks(urlize(text, autoescape=True)))


def html_to_text(markup: str) -> str:
    """Return the words of `markup` on one line, without tags or entities."""
    spaced = BLOCK_EDGE.sub(" <", markup)
    return " ".join(html.unescape(_text_cleaner.clean(spaced)).split())


def shorten(text: str, *, chars: int = EXCERPT_CHARS) -> str:
    """Return `text` on one line of at most `chars` characters, cut at a word."""
    line = " ".join(text.split())
    if len(line) <= chars:
        return line
    cut = line[:chars]
    words = cut.rpartition(" ")[0] or cut[:-1]
    return words.rstrip(" ,.;:") + "…"


def name_to_slug(name: str, *, chars: int) -> str:
    """Return `name` as a slug of at most `chars` characters; "" if nothing is left."""
    return slugify(name.translate(SPELT_OUT))[:chars].strip("-_")


def without_nul(text: str) -> str:
    """Return a text from an address without NUL, which PostgreSQL takes no text of."""
    return text.replace("\0", "")
