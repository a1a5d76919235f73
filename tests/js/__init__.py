"""Runs the reference JavaScript tools and clients against a real server. They need Node; npm installs them once."""

import asyncio
import contextlib
import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parent
INSTALL_SECONDS = 300
LINE_SECONDS = 20

Line = dict[str, Any]


def node() -> str:
    """Return Node's path once the packages are installed. Skips the test without Node."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if found is None or npm is None:
        pytest.skip("the JavaScript checks need Node 20 and npm on PATH")
    with (FOLDER / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another worker of the suite may be installing them
        if not _is_installed():
            subprocess.run([npm, "ci", "--silent"], cwd=FOLDER, check=True, timeout=INSTALL_SECONDS)
    return found


def _is_installed() -> bool:
    installed = FOLDER / "node_modules" / ".package-lock.json"
    return installed.exists() and installed.stat().st_mtime >= (FOLDER / "package-lock.json").stat().st_mtime


async def start(
    script: str, *arguments: str, stdin: int | None = None, **environment: str
) -> asyncio.subprocess.Process:
    """Run a script of this folder with the given standard input; its standard output is a pipe."""
    return await asyncio.create_subprocess_exec(
        node(),
        script,
        *arguments,
        cwd=FOLDER,
        env={**os.environ, **environment},
        stdin=stdin,
        stdout=asyncio.subprocess.PIPE,
    )


@contextlib.asynccontextmanager
async def client(kind: str, url: str, document: str, token: str = "") -> AsyncIterator[AsyncIterator[Line]]:
    """Run a client of client.mjs and yield the lines that it prints, each within LINE_SECONDS."""
    process = await start("client.mjs", kind, url, document, TOKEN=token)
    assert process.stdout is not None
    try:
        yield lines_of(process.stdout)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def lines_of(output: asyncio.StreamReader) -> AsyncIterator[Line]:
    """Yield the lines of a script, each within LINE_SECONDS."""
    while True:
        async with asyncio.timeout(LINE_SECONDS):
            line = await output.readline()
        if not line:
            return
        yield json.loads(line)
