"""./manage.py sse_types: write what clients get as TypeScript and JSON Schema."""

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
WRONG_INPUT = 2


class Command(BaseCommand):
    """Write events.d.ts and events.schema.json, or tell whether they are up to date."""

    help = (
        "Write FOLDER/events.d.ts and FOLDER/events.schema.json: the fields of all "
        "registered event types, as clients get them. With --check, write nothing and "
        "exit with 1 if either is not what would be written. Exits with 2 for wrong "
        "input."
    )
    missing_args_message = "Say in which FOLDER: ./manage.py sse_types frontend/types"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "folder", metavar="FOLDER", type=Path, help="made if it is not there"
        )
        parser.add_argument(
            "--check",
            action="store_true",
            help="name what is out of date; write nothing",
        )

    # A label is in the same language wherever the command runs.
    @no_translations
    def handle(self, *args: Any, **options: Any) -> None:
        folder: Path = options["folder"]
        wanted = {folder / name: text for name, text in _files().items()}
        try:
            outdated = [path for path in wanted if _read(path) != wanted[path]]
            if options["check"]:
                self._complain(outdated, folder)
            else:
                self._write({path: wanted[path] for path in outdated})
        except OSError as error:
            message = f"{error.filename}: {error.strerror}"
            raise CommandError(message, returncode=WRONG_INPUT) from error

    def _complain(self, outdated: list[Path], folder: Path) -> None:
        """Raise CommandError unless everything is up to date."""
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
    """Return what the files should hold, by name; raises CommandError."""
    if not EventType.registry:
        raise CommandError(
            "No event type is registered: declare one in a notifications.py of an "
            "installed app.",
            returncode=WRONG_INPUT,
        )
    try:
        schema = schema_of(EventType.registry.values())
    except InvalidEventType as error:
        raise CommandError(str(error), returncode=WRONG_INPUT) from error
    text = msgspec.json.format(msgspec.json.encode(schema), indent=2)
    return {
        "events.d.ts": declarations(schema).encode(),
        "events.schema.json": text + b"\n",
    }


def _read(path: Path) -> bytes | None:
    """Return what a file holds, or None when it is not there."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _replace(path: Path, text: bytes) -> None:
    """Write a file whole or not at all: whoever reads it never sees half of it."""
    target = path.resolve()
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        draft.write_bytes(text)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
