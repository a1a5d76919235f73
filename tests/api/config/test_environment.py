"""Environment variables: their values, what production refuses, and .env.example."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from api.config import addresses
from api.config.env_example import env_example_text
from api.config.environment import ROOT, Environment, EnvironmentRefused, read_environment

GOOD_KEY = "k" * 50


@pytest.fixture
def production(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("ENVIRONMENT", "production")
    monkeypatch.setenv("SECRET_KEY", GOOD_KEY)
    return monkeypatch


def test_production_starts_with_a_long_secret_key(production: pytest.MonkeyPatch) -> None:
    assert read_environment().SECRET_KEY == GOOD_KEY


def test_production_refuses_the_development_secret_key(production: pytest.MonkeyPatch) -> None:
    production.delenv("SECRET_KEY")
    with pytest.raises(EnvironmentRefused, match="development SECRET_KEY"):
        read_environment()


def test_production_refuses_a_short_secret_key(production: pytest.MonkeyPatch) -> None:
    production.setenv("SECRET_KEY", GOOD_KEY[1:])
    with pytest.raises(EnvironmentRefused, match="fewer than 50") as refusal:
        read_environment()
    assert GOOD_KEY[1:] not in str(refusal.value)


def test_production_refuses_debug(production: pytest.MonkeyPatch) -> None:
    production.setenv("DEBUG", "true")
    with pytest.raises(EnvironmentRefused, match="DEBUG on"):
        read_environment()


def test_a_refusal_is_one_line_and_a_failure_without_a_traceback() -> None:
    environment = {**os.environ, "ENVIRONMENT": "production"}
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == (
        "Parlor does not start in production with the development SECRET_KEY: set your own.\n"
    )


def test_an_invalid_value_is_named_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "hunter2")
    with pytest.raises(EnvironmentRefused, match="PORT: ") as refusal:
        read_environment()
    assert "hunter2" not in str(refusal.value)


def test_a_pool_smaller_than_its_threads_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_POOL_SIZE", "5")
    monkeypatch.setenv("DATABASE_THREADS", "4")
    monkeypatch.setenv("PASSWORD_THREADS", "2")
    with pytest.raises(EnvironmentRefused, match="DATABASE_POOL_SIZE"):
        read_environment()


def test_an_env_file_is_read_and_a_real_variable_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text("PORT=8101\nMAX_PAGE_SIZE=7\nALLOWED_HOSTS=a.example, b.example\n")
    monkeypatch.setenv("PARLOR_ENV_FILE", str(env_file))
    monkeypatch.setenv("PORT", "8102")
    environment = read_environment()
    assert environment.PORT == 8102
    assert environment.MAX_PAGE_SIZE == 7
    assert environment.ALLOWED_HOSTS == ["a.example", "b.example"]


def test_env_example_lists_every_variable_with_its_default() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    assert sorted(
        line[1:].split("=")[0]
        for line in lines
        if line.startswith("#") and line[1:2].isupper() and "=" in line
    ) == sorted(Environment.model_fields)
    assert "\n".join(lines) + "\n" == env_example_text(), "run `make schema`"


def test_an_uncommented_copy_of_env_example_gives_the_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env_file = tmp_path / ".env"
    lines = (ROOT / ".env.example").read_text().splitlines()
    env_file.write_text("\n".join(line[1:] for line in lines if line[1:2].isupper() and "=" in line))
    for name in Environment.model_fields:
        monkeypatch.delenv(name, raising=False)
    without = read_environment()
    monkeypatch.setenv("PARLOR_ENV_FILE", str(env_file))
    assert read_environment() == without


def test_a_database_url_that_cannot_be_read_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://ann:hunter2@host/name")
    with pytest.raises(EnvironmentRefused, match="cannot read DATABASE_URL") as refusal:
        addresses.database(read_environment())
    assert "hunter2" not in str(refusal.value)


def test_a_database_url_becomes_django_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://ann:p%40ss@db.example:5433/chat?sslmode=require")
    database = addresses.database(read_environment())
    assert (database["USER"], database["PASSWORD"]) == ("ann", "p@ss")
    assert (database["HOST"], database["PORT"], database["NAME"]) == ("db.example", "5433", "chat")
    assert database["OPTIONS"]["sslmode"] == "require"
    assert database["OPTIONS"]["pool"]["max_size"] == 16


def test_the_file_of_trusted_documents_must_exist(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRUSTED_DOCUMENTS_ONLY", "true")
    with pytest.raises(EnvironmentRefused, match=r"TRUSTED_DOCUMENTS_ONLY: .* needs TRUSTED_DOCUMENTS"):
        read_environment()
    path = tmp_path / "trusted.json"
    monkeypatch.setenv("TRUSTED_DOCUMENTS", str(path))
    with pytest.raises(EnvironmentRefused, match=r"TRUSTED_DOCUMENTS: .* names no file"):
        read_environment()
    path.write_text("{}")
    assert path == read_environment().TRUSTED_DOCUMENTS
