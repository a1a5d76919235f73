"""No installed package shadows ours, and pyproject.toml declares exactly the packages that ours use."""

import ast
import functools
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from django.conf import settings

from tests.server import ROOT

# Our websocket protocol for uvicorn needs it without importing it.
FOR_UVICORN = {"websockets"}
# These are common names, and the project is run from its root.
OURS = {"api", "auth", "bench", "chats", "foundation", "schema", "tests"}
PRODUCTION = ("api", "auth", "chats", "foundation", "schema")
# Production imports neither the private servers of `make run` nor the tests and benchmarks.
FOR_DEVELOPERS = ("api/local", "tests", "bench")


@functools.cache
def installed_packages() -> Mapping[str, list[str]]:
    """Return the installed distributions by package. It takes a second."""
    return packages_distributions()


def declared(*extras: str) -> set[str]:
    """Return the distributions that pyproject.toml names for production and for these extras.

    `psycopg[pool]` also counts as psycopg-pool.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    requirements = [*project["dependencies"]]
    for extra in extras:
        requirements += project["optional-dependencies"][extra]
    found = set()
    for requirement in requirements:
        name, options = re.match(r"([\w.-]+)(?:\[(.*?)\])?", requirement).groups("")  # type: ignore[union-attr]
        found |= {name, *(f"{name}-{option}" for option in options.split(",") if option)}
    return {normalized(name) for name in found}


def normalized(name: str) -> str:
    """Return a distribution's name in its normal form."""
    return re.sub(r"[-_.]+", "-", name).lower()


def imported(path: Path) -> Iterator[str]:
    """Yield the third-party packages that a module imports, at its top or inside functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [node.module]
        yield from {name.partition(".")[0] for name in names} - OURS - sys.stdlib_module_names


def is_for_developers(path: Path) -> bool:
    """Whether production never imports the module."""
    return any(path.is_relative_to(ROOT / folder) for folder in FOR_DEVELOPERS)


def test_no_installed_distribution_claims_a_name_of_ours() -> None:
    installed = installed_packages()
    assert {name: installed[name] for name in OURS & installed.keys()} == {}
    assert "django" in installed  # the list is not empty for another reason


@pytest.mark.parametrize(
    ("folders", "extras"),
    [(PRODUCTION, ()), (("api/local",), ("local",)), (("tests", "bench"), ("local", "dev", "bench"))],
    ids=["production", "local", "tests and benchmarks"],
)
def test_every_imported_package_is_declared(folders: tuple[str, ...], extras: tuple[str, ...]) -> None:
    """A package that only another one requires may disappear with an upgrade of that one."""
    distributions, known = installed_packages(), declared(*extras)
    undeclared = {
        f"{path.relative_to(ROOT)}: {name}"
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        if is_for_developers(path) == bool(extras)
        for name in imported(path)
        if not known & {normalized(each) for each in distributions.get(name, [])}
    }
    assert undeclared == set()


def test_every_package_of_production_is_used() -> None:
    modules = {
        name
        for folder in PRODUCTION
        for path in (ROOT / folder).rglob("*.py")
        if not is_for_developers(path)
        for name in imported(path)
    }
    modules |= {application.partition(".")[0] for application in settings.INSTALLED_APPS}
    distributions = installed_packages()
    used = {normalized(each) for name in modules for each in distributions.get(name, [])} | FOR_UVICORN
    options = {"psycopg-binary", "psycopg-pool", "redis-hiredis"}
    assert declared() - options <= used
