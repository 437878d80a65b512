"""Keeps the catalogues of translations in step with the texts in the sources.

A tool of development, run by `make messages`: it needs Babel, which the site does not.
"""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from babel.messages import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

ROOT = Path(__file__).parent.parent
LANGUAGES = ("de",)
COLUMNS = 88
COMMENT_TAGS = ("Translators:",)
KEYWORDS = {
    **DEFAULT_KEYWORDS,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext_lazy": ((1, "c"), 2, 3),
}


@dataclass(frozen=True, slots=True)
class Component:
    """A part of the code with catalogues of its own: one folder of locales."""

    name: str
    sources: tuple[Path, ...]
    locale: Path

    def path(self, language: str, suffix: str) -> Path:
        """Return the file of the catalogue, as text (`po`) or compiled (`mo`)."""
        return self.locale / language / "LC_MESSAGES" / f"django.{suffix}"

    def files(self) -> Iterator[Path]:
        """Yield what may hold texts, in an order that is the same everywhere."""
        for folder in self.sources:
            found = (*folder.rglob("*.py"), *folder.rglob("*.html"))
            yield from sorted(path for path in found if "migrations" not in path.parts)


SITE = Component(
    name="Askwell",
    sources=(ROOT / "project", ROOT / "templates"),
    locale=ROOT / "project" / "locale",
)
APP = Component(
    name="notifications",
    sources=(ROOT / "notifications",),
    locale=ROOT / "notifications" / "locale",
)


def texts(component: Component) -> Catalog:
    """Return the texts that the sources mark for translation."""
    catalog = Catalog()
    for path in component.files():
        place = (str(path.relative_to(ROOT)), 1)
        found = extract("python", _code(path), KEYWORDS, COMMENT_TAGS)
        for _line, text, comments, context in found:
            catalog.add(text, None, [place], auto_comments=comments, context=context)
    return catalog


def _code(path: Path) -> io.BytesIO:
    """Return a file as Python, in which the texts of a template are calls as well."""
    source = path.read_text()
    if path.suffix == ".html":
        # Within parentheses, indents and line ends say nothing.
        source = f"({templatize(source)}\n)"
    return io.BytesIO(source.encode())


def read(component: Component, language: str) -> Catalog:
    """Return the catalogue as it is, or an empty one."""
    path = component.path(language, "po")
    if not path.exists():
        return Catalog(
            locale=language,
            header_comment=f"# {component.name}: what people read, in {language}.",
            project=component.name,
            fuzzy=False,
        )
    with path.open("rb") as file:
        return read_po(file, locale=language)


def as_po(catalog: Catalog) -> bytes:
    """Return a catalogue as text; it names files, not lines, which change too often."""
    file = io.BytesIO()
    write_po(file, catalog, width=COLUMNS, ignore_obsolete=True, include_lineno=False)
    return file.getvalue()


def as_mo(catalog: Catalog) -> bytes:
    """Return a catalogue as gettext reads it."""
    file = io.BytesIO()
    write_mo(file, catalog)
    return file.getvalue()


def update(component: Component, language: str) -> Catalog:
    """Bring a catalogue up to date with the sources, and compile it."""
    catalog = read(component, language)
    path = component.path(language, "po")
    catalog.update(texts(component), update_creation_date=False)
    if not path.exists() or as_po(catalog) != path.read_bytes():
        catalog.revision_date = datetime.now(UTC)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(as_po(catalog))
    component.path(language, "mo").write_bytes(as_mo(read(component, language)))
    return catalog


def untranslated(catalog: Catalog) -> list[str]:
    """Return the texts that have no translation, or an uncertain one."""
    return [
        forms(message.id)[0]
        for message in catalog
        if message.id and (message.fuzzy or not all(forms(message.string)))
    ]


def forms(text: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return a text, or a translation, as its forms: one, or one a number."""
    return (text or "",) if text is None or isinstance(text, str) else tuple(text)


def main() -> None:
    """Update all catalogues; say what is to be translated."""
    for component in (SITE, APP):
        for language in LANGUAGES:
            open_texts = untranslated(update(component, language))
            print(f"{component.name} {language}: {len(open_texts)} to translate")  # noqa: T201


if __name__ == "__main__":
    main()
