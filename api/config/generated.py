"""Generates the committed files schema.graphql and .env.example, and compares them with the code."""

import difflib
from collections.abc import Callable
from pathlib import Path

from api.config.env_example import env_example_text
from api.config.environment import ROOT
from schema.build import schema


def schema_text() -> str:
    """The text of schema.graphql: the schema in GraphQL's schema definition language."""
    return schema.as_str().rstrip("\n") + "\n"


FILES: dict[Path, Callable[[], str]] = {
    ROOT / "schema.graphql": schema_text,
    ROOT / ".env.example": env_example_text,
}


def write() -> None:
    """Write the files."""
    for path, text in FILES.items():
        path.write_text(text(), encoding="utf-8")


def drift() -> str:
    """The unified diff from the files to the generated texts; empty when they agree."""
    lines: list[str] = []
    for path, text in FILES.items():
        written = path.read_text(encoding="utf-8") if path.exists() else ""
        lines += difflib.unified_diff(
            written.splitlines(keepends=True), text().splitlines(keepends=True), path.name, "the code"
        )
    return "".join(lines)
