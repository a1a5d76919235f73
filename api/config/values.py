"""The types of environment variables: comma-separated lists, rates, networks, paths, counts, seconds."""

import enum
import ipaddress
from pathlib import Path
from typing import Annotated

import limits
from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import NoDecode

ROOT = Path(__file__).resolve().parents[2]


class Deployment(enum.Enum):
    """Where the process runs. Production refuses settings that are only safe on a developer's machine."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _rate(text: str) -> str:
    limits.parse(text)  # raises ValueError
    return text


def _networks(texts: list[str]) -> list[str]:
    for text in texts:
        ipaddress.ip_network(text)  # raises ValueError
    return texts


def _absolute(path: Path) -> Path:
    return (ROOT / path).resolve()


def _none_if_empty(value: object) -> object:
    return None if value == "" else value


def _file_if_given(path: Path | None) -> Path | None:
    if path is None:
        return None
    path = _absolute(path)
    if not path.is_file():
        raise ValueError("names no file")
    return path


Folder = Annotated[Path, AfterValidator(_absolute)]
OptionalFile = Annotated[Path | None, BeforeValidator(_none_if_empty), AfterValidator(_file_if_given)]
Texts = Annotated[list[str], NoDecode, BeforeValidator(_split)]
Networks = Annotated[list[str], NoDecode, BeforeValidator(_split), AfterValidator(_networks)]
Rate = Annotated[str, AfterValidator(_rate)]
Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]
