"""Generates .env.example from the variables."""

import enum
import inspect
import re
from collections.abc import Iterator

from api.config.variables import SUBJECTS

_SECTION = re.compile(r"    # --- (?P<section>.+)")
_VARIABLE = re.compile(r"    (?P<variable>[A-Z][A-Z0-9_]*): ")


def env_example_text() -> str:
    """.env.example: every variable with its meaning, unit and default, in the order and sections of the classes."""
    return "".join(_env_example())


def _env_example() -> Iterator[str]:
    yield "# Copy this file to .env and remove the # where a value is to differ. Real variables win over .env.\n"
    for subject in SUBJECTS:
        for line in inspect.getsource(subject).splitlines():
            if found := _SECTION.match(line):
                yield f"\n# --- {found['section']}\n"
            elif found := _VARIABLE.match(line):
                name = found["variable"]
                field = subject.model_fields[name]
                yield f"\n# {field.description}\n#{name}={_written(field.default)}\n"


def _written(default: object) -> str:
    match default:
        case None:
            return ""
        case bool():
            return str(default).lower()
        case enum.Enum():
            return str(default.value)
        case list() | tuple():
            return ",".join(str(part) for part in default)
        case _:
            return str(default)
