"""./manage.py sse_types: write the event types as TypeScript and JSON Schema."""

import os
from pathlib import Path
from typing import Any

import msgspec
from django.core.management import BaseCommand, CommandError, CommandParser
from django.core.management.base import no_translations

from notifications.exceptions import InvalidEventType
from notifications.publishing.event_types import EventType
from notifications.schema.json_schema import schema_of
from notifications.schema.typescript import declarations

OUT_OF_DATE = 1
INVALID_INPUT = 2


class Command(BaseCommand):
    """Write events.d.ts and events.schema.json, or check that they are up to date."""

    help = (
        "Write FOLDER/events.d.ts and FOLDER/events.schema.json, which describe all "
        "registered event types as clients receive them. With --check, write nothing; "
        "the exit status is 1 if a file is out of date. It is 2 for invalid input."
    )
    missing_args_message = "FOLDER is missing: ./manage.py sse_types frontend/types"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "folder", metavar="FOLDER", type=Path, help="created if it does not exist"
        )
        parser.add_argument(
            "--check",
            action="store_true",
            help="write nothing; list the files that are out of date",
        )

    # Labels must not depend on the language of the machine.
    @no_translations
    def handle(self, *args: Any, **options: Any) -> None:
        folder: Path = options["folder"]
        expected = {folder / name: text for name, text in _files().items()}
        try:
            outdated = [path for path in expected if _read(path) != expected[path]]
            if options["check"]:
                self._check(outdated, folder)
            else:
                self._write({path: expected[path] for path in outdated})
        except OSError as error:
            message = f"{error.filename}: {error.strerror}"
            raise CommandError(message, returncode=INVALID_INPUT) from error

    def _check(self, outdated: list[Path], folder: Path) -> None:
        """Raise CommandError if files are out of date."""
        if outdated:
            raise CommandError(
                f"Out of date: {', '.join(map(str, outdated))}. "
                f"Run ./manage.py sse_types {folder}",
                returncode=OUT_OF_DATE,
            )

    def _write(self, files: dict[Path, bytes]) -> None:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            _replace(path, text)
            self.stdout.write(f"{path}")


def _files() -> dict[str, bytes]:
    """Return the contents of the files by name; raises CommandError."""
    if not EventType.registry:
        raise CommandError(
            "No event type is registered: declare one in a notifications.py of an "
            "installed app.",
            returncode=INVALID_INPUT,
        )
    try:
        schema = schema_of(EventType.registry.values())
    except InvalidEventType as error:
        raise CommandError(str(error), returncode=INVALID_INPUT) from error
    text = msgspec.json.format(msgspec.json.encode(schema), indent=2)
    return {
        "events.d.ts": declarations(schema).encode(),
        "events.schema.json": text + b"\n",
    }


def _read(path: Path) -> bytes | None:
    """Return the content of a file, or None if it does not exist."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _replace(path: Path, text: bytes) -> None:
    """Replace a file atomically, so that nobody reads half of it."""
    target = path.resolve()
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        temporary.write_bytes(text)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
