"""Runs the audits of graphql-http, the reference implementation of GraphQL over HTTP, against real servers."""

from pathlib import Path

import msgspec
import pytest

from tests.js import start
from tests.server import serving

AUDITS = 60


@pytest.mark.parametrize("kind", ["daphne", "uvicorn"])
async def test_every_audit_passes(kind: str, tmp_path: Path) -> None:
    with serving(kind, "api.asgi:application", tmp_path / "log") as server:
        process = await start("audits.mjs", server.http)
        output, _ = await process.communicate()
    results = msgspec.json.decode(output)
    # All of them: MUST ("error" when it fails), SHOULD ("warn") and MAY ("notice").
    assert [result for result in results if result["status"] != "ok"] == []
    assert len(results) == AUDITS
