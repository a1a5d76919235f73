"""schema.graphql and the code that it is exported from."""

import difflib

from api.environment import ROOT
from schema.build import schema

CONTRACT = ROOT / "schema.graphql"


def exported() -> str:
    """The schema of the code, in GraphQL's schema definition language."""
    return schema.as_str().rstrip("\n") + "\n"


def drift() -> str:
    """The unified diff from schema.graphql to the code; empty when they agree."""
    written = CONTRACT.read_text(encoding="utf-8") if CONTRACT.exists() else ""
    lines = difflib.unified_diff(
        written.splitlines(keepends=True), exported().splitlines(keepends=True), "schema.graphql", "the code"
    )
    return "".join(lines)
