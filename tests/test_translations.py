"""Every text that people read is translated."""

import re
from html.parser import HTMLParser

import pytest
from django.template.base import Lexer, TokenType
from django.utils.translation import to_locale

from project import settings
from tools.catalogues import (
    APP,
    LANGUAGES,
    SITE,
    as_mo,
    forms,
    read,
    texts,
    untranslated,
)

COMPONENTS = (SITE, APP)
CATALOGUES = [
    pytest.param(component, language, id=f"{component.name}-{language}")
    for component in COMPONENTS
    for language in LANGUAGES
]
TEMPLATES = [
    pytest.param(path, id=path.name)
    for component in COMPONENTS
    for path in component.files()
    if path.suffix == ".html"
]
PLACEHOLDER = re.compile(r"%%?(?:\(\w+\))?[a-z]|{\w*}")
TAG = re.compile(r"<[^>]*>")
# The same in every language: the name of the site, and keys.
NAMES = {"Askwell", *"jkeux"}
SPOKEN = {"aria-label", "title", "placeholder", "alt"}

every_catalogue = pytest.mark.parametrize(("component", "language"), CATALOGUES)


def messages(component, language):
    return [each for each in read(component, language) if each.id]


def keys(catalog):
    """Return the texts of a catalogue, with all their forms and their context."""
    return {(each.context, forms(each.id)) for each in catalog if each.id}


def test_every_language_has_a_catalogue():
    assert {to_locale(code) for code, _name in settings.LANGUAGES} == {"en", *LANGUAGES}


@every_catalogue
def test_catalogue_has_the_texts_of_the_sources(component, language):
    """Run `make messages` to update it."""
    assert keys(read(component, language)) == keys(texts(component))


@every_catalogue
def test_every_text_is_translated(component, language):
    catalog = read(component, language)

    assert untranslated(catalog) == []
    assert {len(forms(each.string)) for each in catalog if each.pluralizable} <= {
        catalog.num_plurals
    }


@every_catalogue
def test_translations_have_the_placeholders_and_tags_of_their_texts(
    component, language
):
    """The last form of a text is the one for other numbers."""
    wrong = [
        (each.id, string)
        for each in messages(component, language)
        for string in forms(each.string)
        for pattern in (PLACEHOLDER, TAG)
        if sorted(pattern.findall(string))
        != sorted(pattern.findall(forms(each.id)[-1]))
    ]

    assert wrong == []


@every_catalogue
def test_translations_start_and_end_like_their_texts(component, language):
    """Compares spaces and punctuation."""
    edge = re.compile(r"^\s*|[.…?!:]?\s*$")

    wrong = [
        (each.id, string)
        for each in messages(component, language)
        for string in forms(each.string)
        if edge.findall(string) != edge.findall(forms(each.id)[-1])
    ]

    assert wrong == []


@every_catalogue
def test_compiled_catalogue_is_up_to_date(component, language):
    """Run `make messages` to update it."""
    compiled = component.path(language, "mo").read_bytes()

    assert compiled == as_mo(read(component, language))


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda each: each.name)
def test_german_has_german_quotation_marks_and_du(component):
    strings = [
        TAG.sub("", string)
        for each in messages(component, "de")
        for string in forms(each.string)
    ]

    assert [each for each in strings if re.search("[\"”']", each)] == []
    assert [each for each in strings if each.count("„") != each.count("“")] == []
    assert [each for each in strings if re.search(r"[^.!?] (Sie|Ihr\w*)\b", each)] == []


@pytest.mark.parametrize("path", TEMPLATES)
def test_template_has_no_untranslated_text(path):
    """All texts are in translation tags."""
    reader = Words()

    reader.feed(markup(path.read_text()))

    assert {*reader.words} <= NAMES


def markup(source):
    """Return the text of a template outside of translation tags."""
    kept, inside = [], False
    for token in Lexer(source).tokenize():
        if token.token_type == TokenType.BLOCK and "blocktranslate" in token.contents:
            inside = not token.contents.startswith("end")
        elif token.token_type == TokenType.TEXT and not inside:
            kept.append(token.contents)
    return "".join(kept)


class Words(HTMLParser):
    """Collects the words that a page shows, or that screen readers read out."""

    def __init__(self):
        super().__init__()
        self.words = []

    def handle_data(self, data):
        self.words += re.findall(r"[^\W\d_]+", data)

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name in SPOKEN or name.startswith("data-text"):
                self.handle_data(value or "")
