"""Topic matchers: which topics a subscription or a token is about. No I/O.

Matching takes time linear in the topic: the URL patterns are matched by Rust's regex
crate, and URI templates by RE2, neither of which backtracks.
"""

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple, TypeAlias

import re2
from urlpattern import URLPattern

from notifications.exceptions import InvalidValue

EXACT, URL_PATTERN = "exact", "urlpattern"
# The topic selectors from before the specification: a topic, or a URI template.
TEMPLATE = "template"
TYPES = (EXACT, URL_PATTERN)
WILDCARD = "*"
# In characters, of a topic and of a pattern.
MAX_LENGTH = 1_024
# Tokens with the same patterns share what is compiled and what was matched.
COMPILED_KEPT = 2_048
RESULTS_KEPT = 16_384

# By operator of an expression: the first character of its expansion, and the others
# (RFC 6570, 3.2.1). Values may have any character beyond ASCII, which IRIs have.
_PLAIN = r"A-Za-z0-9\-._~%,=\x{80}-\x{10FFFF}"
_RESERVED = _PLAIN + r":/?#\[\]@!$&'()*+;"
_EXPANSIONS = {
    "": ("", _PLAIN),
    "+": ("", _RESERVED),
    "#": ("#", _RESERVED),
    ".": (r"\.", _PLAIN),
    "/": ("/", _PLAIN + "/"),
    ";": (";", _PLAIN + ";"),
    "?": (r"\?", _PLAIN + "&"),
    "&": ("&", _PLAIN + "&"),
}
_VARIABLE = r"[A-Za-z0-9_.%]+(?:\*|:[1-9][0-9]{0,3})?"
_EXPRESSION = re.compile(rf"\{{(?P<operator>[+#./;?&]?){_VARIABLE}(?:,{_VARIABLE})*\}}")


Compiled: TypeAlias = "URLPattern | re2._Regexp | None"


class TooLong(InvalidValue):
    """A request, or a part of one, is larger than the hub takes."""


class Matcher(NamedTuple):
    """An expression of one of the types; `*` matches every topic in each of them."""

    type: str
    pattern: str

    @property
    def is_exact(self) -> bool:
        """Whether the pattern is the only topic that matches."""
        exact = EXACT if "{" in self.pattern else TEMPLATE
        return self.pattern != WILDCARD and self.type in (EXACT, exact)

    def matches(self, topic: str, base: str) -> bool:
        """Tell whether a topic matches; `base` is the URL of the hub."""
        if self.pattern == WILDCARD:
            return True
        if self.type != URL_PATTERN and self.pattern == topic:
            return True
        return self.type != EXACT and _matches(self, topic, base)


def matcher(matcher_type: str, pattern: str, base: str) -> Matcher:
    """Return a matcher; raises InvalidValue if its pattern cannot be one."""
    found = unchecked_matcher(matcher_type, pattern)
    if pattern != WILDCARD:
        _compile(found, base)
    return found


def unchecked_matcher(matcher_type: str, pattern: str) -> Matcher:
    """Return a matcher whose text is checked, and which is not compiled yet."""
    return Matcher(matcher_type, check_text(pattern))


def check_text(text: str) -> str:
    """Return a topic, pattern or id; raises InvalidValue if it has control characters.

    Neither may it have invisible ones, category Cf, by which it could pass for another.
    """
    if len(text) > MAX_LENGTH:
        raise TooLong(text, expected=f"at most {MAX_LENGTH} characters")
    if any(unicodedata.category(each) in ("Cc", "Cf", "Cs") for each in text):
        raise InvalidValue(text, expected="no control or format characters")
    return text


@lru_cache(RESULTS_KEPT)
def _matches(found: Matcher, topic: str, base: str) -> bool:
    return is_match(found, _compile(found, base), topic, base)


def is_match(found: Matcher, test: Compiled, topic: str, base: str) -> bool:
    """Tell whether a topic matches, given what `compiled` returns for the matcher."""
    if isinstance(test, URLPattern):
        try:
            return bool(test.test(topic, base))
        except ValueError:
            # The topic is not a URL reference.
            return False
    return topic == found.pattern or bool(test and test.fullmatch(topic))


def compiled(found: Matcher, base: str) -> Compiled:
    """Return what tests a topic, None if only the pattern itself matches.

    Raises InvalidValue.
    """
    if found.type == URL_PATTERN:
        try:
            return URLPattern(found.pattern, base)
        except ValueError as error:
            problem = f"a URL pattern: {error}"
            raise InvalidValue(found.pattern, expected=problem) from None
    if found.type == TEMPLATE and "{" in found.pattern:
        return re2.compile(_template(found.pattern))
    return None


_compile = lru_cache(COMPILED_KEPT)(compiled)


def _template(text: str) -> str:
    """Return the regular expression of a URI template, for RE2."""
    parts: list[str] = []
    end = 0
    for each in _EXPRESSION.finditer(text):
        first, others = _EXPANSIONS[each["operator"]]
        parts += re2.escape(text[end : each.start()]), f"(?:{first}[{others}]*)?"
        end = each.end()
    return "".join([*parts, re2.escape(text[end:])])
