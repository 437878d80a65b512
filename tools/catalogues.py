"""Updates the translation catalogues from the sources and compiles them.

Run as `make messages` or `python -m tools.catalogues`; needs Babel.
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
    """A part of the code with its own catalogues."""

    name: str
    sources: tuple[Path, ...]
    locale: Path

    def path(self, language: str, suffix: str) -> Path:
        """Return the path of a catalogue, as text (`po`) or compiled (`mo`)."""
        return self.locale / language / "LC_MESSAGES" / f"django.{suffix}"

    def files(self) -> Iterator[Path]:
        """Yield the files that may have texts, in a fixed order."""
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
    """Return a file as Python; a template becomes calls of gettext functions."""
    source = path.read_text()
    if path.suffix == ".html":
        # In parentheses, indentation and line breaks have no meaning.
        source = f"({templatize(source)}\n)"
    return io.BytesIO(source.encode())


def read(component: Component, language: str) -> Catalog:
    """Return the catalogue, which is empty if there is no file."""
    path = component.path(language, "po")
    if not path.exists():
        return Catalog(
            locale=language,
            header_comment=f"# Translations of {component.name} into {language}.",
            project=component.name,
            fuzzy=False,
        )
    with path.open("rb") as file:
        return read_po(file, locale=language)


def as_po(catalog: Catalog) -> bytes:
    """Return a catalogue as text, without line numbers, which change too often."""
    file = io.BytesIO()
    write_po(file, catalog, width=COLUMNS, ignore_obsolete=True, include_lineno=False)
    return file.getvalue()


def as_mo(catalog: Catalog) -> bytes:
    """Return a catalogue in the compiled format of gettext."""
    file = io.BytesIO()
    write_mo(file, catalog)
    return file.getvalue()


def update(component: Component, language: str) -> Catalog:
    """Update a catalogue from the sources and compile it; return the catalogue."""
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
    """Return the texts with a missing or fuzzy translation."""
    return [
        forms(message.id)[0]
        for message in catalog
        if message.id and (message.fuzzy or not all(forms(message.string)))
    ]


def forms(text: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return the forms of a text or translation: one, or the plural forms."""
    return (text or "",) if text is None or isinstance(text, str) else tuple(text)


def main() -> None:
    """Update all catalogues; print how many texts need a translation."""
    for component in (SITE, APP):
        for language in LANGUAGES:
            missing = untranslated(update(component, language))
            print(f"{component.name} {language}: {len(missing)} to translate")  # noqa: T201


if __name__ == "__main__":
    main()
