"""The cost of a pattern before it is compiled, so that no subscriber can ask for much.

One unit is about 1 KB of memory and 20 µs to compile, as measured with urlpattern 0.3.
"""

import re

from notifications.exceptions import InvalidValue
from notifications.mercure.matchers import URL_PATTERN, Matcher

# Of every pattern, beside its length.
BASE_COST = 64
# Of a character of a URI template, whose expressions have many alternatives.
TEMPLATE_COST = 4
# Of each repetition: `a{9}` is nine of them.
PLAIN_COST, DIGIT_COST, WORD_COST = 8, 64, 128
# Of a class that has hundreds of ranges of Unicode, once.
FIRST_WORD_COST = 640

# A part of a regular expression, and how often it is repeated at most.
_ATOM = re.compile(
    r"""
    (?P<atom> \\[pP](?:\{[^}]*\}|.) | \\. | \[\^?(?:\\.|[^\]\\\[])+\] | . )
    (?: \{ (?P<least>\d+) (?P<most>,\d*)? \} )?
    """,
    re.VERBOSE | re.DOTALL,
)
_DIGIT = re.compile(r"\\[ds]")
_WORD = re.compile(r"\\[wWDSpPbB]")
_FLAGS = re.compile(r"\(\?(?!:)")


def cost_of(matcher: Matcher) -> int:
    """Return the cost of a pattern in units; raises InvalidValue if it is not known.

    Not known are regular expressions with flags, repeated repetitions, and classes
    within classes.
    """
    text = matcher.pattern
    if matcher.type != URL_PATTERN:
        return BASE_COST + TEMPLATE_COST * len(text)
    # Braces are no repetitions outside of parentheses.
    expression = text[text.find("(") : text.rfind(")") + 1] if "(" in text else ""
    if _FLAGS.search(expression):
        raise InvalidValue(text, expected="no flags and no other group than (?:")
    return BASE_COST + len(text) + sum(map(_atom_cost, _ATOM.finditer(expression)))


def _atom_cost(found: re.Match[str]) -> int:
    atom, least = found["atom"], found["least"]
    if atom in ("[", "{") or (least and atom in ")*+?}"):
        raise InvalidValue(found[0], expected="no repeated group, no class in a class")
    times = max(int(each) for each in (least or "1", (found["most"] or "")[1:] or "1"))
    if _WORD.search(atom):
        return FIRST_WORD_COST + WORD_COST * times
    if _DIGIT.search(atom):
        return DIGIT_COST * times
    return PLAIN_COST * times if least else 0
