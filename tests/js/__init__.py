"""The reference JavaScript tools and clients, run against a real server. They need Node; npm fetches them once."""

import asyncio
import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent
INSTALL_SECONDS = 300


def node() -> str:
    """Node's path, with the packages installed. Skips where there is no Node."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if found is None or npm is None:
        pytest.skip("the JavaScript checks need Node 20 and npm on PATH")
    installed = FOLDER / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < (FOLDER / "package-lock.json").stat().st_mtime:
        subprocess.run([npm, "ci", "--silent"], cwd=FOLDER, check=True, timeout=INSTALL_SECONDS)
    return found


async def start(script: str, *arguments: str) -> asyncio.subprocess.Process:
    """Run a script of this folder; its standard output is a pipe."""
    return await asyncio.create_subprocess_exec(
        node(), script, *arguments, cwd=FOLDER, stdout=asyncio.subprocess.PIPE
    )
