"""Template tags for times, mentions and the return from the sign-in page."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import quote

from django import template
from django.contrib.humanize.templatetags.humanize import naturaltime
from django.template import Context
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from project.qa import text

register = template.Library()

# Older times are shown as a date: "5 months, 2 weeks ago" is not helpful.
RELATIVE_FOR = timedelta(days=30)

SIGN_IN_PAGES = {"login", "signup"}


@register.filter
def when(moment: datetime) -> SafeString:
    """Return a `<time>` that shows a relative time or a date.

    Its title is the exact time. A relative time has the attribute `data-relative`, by
    which a script can update it.
    """
    local = timezone.localtime(moment)
    recent = timezone.now() - moment < RELATIVE_FOR
    return format_html(
        '<time datetime="{}"{} title="{} {}">{}</time>',
        local.isoformat(timespec="seconds"),
        mark_safe(" data-relative" if recent else ""),  # noqa: S308
        date_format(local, "DATETIME_FORMAT"),
        local.tzname(),
        naturaltime(moment) if recent else date_format(local, "DATE_FORMAT"),
    )


@register.filter
def link_mentions(markup: SafeString, urls: Mapping[str, str]) -> SafeString:
    """Return the HTML of a post in which each `@name` that `urls` has is a link."""
    return text.link_mentions(markup, urls)


@register.simple_tag(takes_context=True)
def next_query(context: Context) -> str:
    """Return the query string with which signing in returns to this page."""
    request = context["request"]
    target = request.get_full_path()
    if request.resolver_match and request.resolver_match.url_name in SIGN_IN_PAGES:
        target = request.GET.get("next", "")
    return f"?next={quote(target)}" if target else ""
