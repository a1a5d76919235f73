"""Fixtures: a server with demo data, the built pages and a browser. They skip, with a reason, if a part is missing."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / "web"
BUILD_SECONDS = 120
SCRIPT_SECONDS = 120
STOP_SECONDS = 15

RunScript = Callable[[str], None]


def _chromium() -> str | None:
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="session")
def browser() -> str:
    """Chromium's path. Skips, with a reason, if a part is missing; builds the pages if they are not built."""
    chromium, npm = _chromium(), shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("the pages' tests need Node and npm on PATH")
    if chromium is None:
        pytest.skip("the pages' tests need Chromium on PATH")
    if not (WEB / "node_modules" / "playwright-core").is_dir():
        pytest.skip("the pages' tests need `npm ci` in web/")
    if not (WEB / "dist" / "demo" / "index.html").exists():
        subprocess.run([npm, "run", "build"], cwd=WEB, check=True, capture_output=True, timeout=BUILD_SECONDS)
    return chromium


@pytest.fixture(scope="session")
def demo_server(browser: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running `manage.py dev` with data of its own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {
        name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")
    }
    environment |= {"PORT": str(port), "DATA_DIR": str(tmp_path_factory.mktemp("demo"))}
    process = subprocess.Popen(
        [sys.executable, "manage.py", "dev", "--no-pages"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    said = []
    with process.stdout:
        for line in process.stdout:  # the output ends with the process, so a failed start does not hang
            said.append(line)
            if line.startswith("Ctrl-C"):
                break
        assert process.poll() is None, "".join(said)
        yield f"http://127.0.0.1:{port}"
        process.terminate()
        process.wait(STOP_SECONDS)


@pytest.fixture
def run_script(browser: str, demo_server: str, tmp_path: Path) -> RunScript:
    """Runs a browser script of this folder. If it fails, the assertion shows its output."""

    def run(name: str) -> None:
        done = subprocess.run(
            ["node", f"{name}.mjs", demo_server],
            cwd=Path(__file__).parent,
            env={**os.environ, "CHROMIUM": browser, "WEB": str(WEB), "PICTURES": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=SCRIPT_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{done.stdout}{done.stderr}\nPictures: {tmp_path}"

    return run
