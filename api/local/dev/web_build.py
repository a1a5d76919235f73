"""Builds the web pages under `web/` if Node is installed. Parlor runs without them."""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

_MIN_NODE_VERSION = (20, 19)  # `engines` in web/package.json
_IGNORED_FOLDERS = {"node_modules", "dist"}


def build_pages(web: Path, log: Path, say: Callable[[str], None]) -> None:
    """Build `web/dist` if it is missing or older than its sources; `say` prints one line if that fails."""
    if not (web / "package.json").exists() or _is_fresh(web):
        return
    npm = shutil.which("npm")
    if npm is None or _node_version() < _MIN_NODE_VERSION:
        say(
            "The web pages are not built: that needs Node 20.19 or later with npm. The API does not need them."
        )
        return
    say("Building the web pages.")
    # Not `npm ci`, which fails on a lock file made where the registry lacks an optional package of another platform.
    # The versions still come from the lock file.
    install = (npm, "install", "--no-save", "--no-audit", "--no-fund")
    with log.open("wb") as output:
        for command in ((npm, "run", "build"),) if _is_installed(web) else (install, (npm, "run", "build")):
            if _run(command, web, output.fileno()) != 0:
                say(f"The web pages are not built: `npm {' '.join(command[1:])}` failed, see {log}.")
                return


def _run(command: Sequence[str], folder: Path, output: int) -> int:
    # In a process group of its own, because npm leaves its children behind when it alone is stopped.
    process = subprocess.Popen(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
    )
    try:
        return process.wait()
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise


def _node_version() -> tuple[int, ...]:
    node = shutil.which("node")
    if node is None:
        return (0,)
    text = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    try:
        return tuple(int(part) for part in text.strip().removeprefix("v").split("."))
    except ValueError:
        return (0,)


def _is_fresh(web: Path) -> bool:
    pages = list((web / "dist").rglob("*.html"))
    return bool(pages) and min(_modified_at(page) for page in pages) >= max(
        _modified_at(path) for path in _sources(web)
    )


def _is_installed(web: Path) -> bool:
    done = web / "node_modules" / ".package-lock.json"  # npm writes it last
    return done.exists() and _modified_at(done) >= _modified_at(web / "package-lock.json")


def _sources(web: Path) -> list[Path]:
    found = []
    for folder, folders, files in os.walk(web):
        folders[:] = [name for name in folders if name not in _IGNORED_FOLDERS]
        found += [Path(folder, name) for name in files]
    return found


def _modified_at(path: Path) -> float:
    return path.stat().st_mtime
