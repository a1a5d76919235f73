"""Runs the commands of the README's first session: each prints what the README says."""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from api.config.environment import ROOT
from tests.api.local.conftest import folder
from tests.api.local.test_dev import end, port, start, until_ready

__all__ = ["folder", "port"]

README_ADDRESS = "127.0.0.1:8000"
SECONDS = 20


@dataclass(frozen=True)
class Block:
    """A fenced block of the README: its language and its text."""

    language: str
    text: str


def session() -> list[Block]:
    """The fenced blocks of the section «A first session», in order."""
    section = (ROOT / "README.md").read_text().split("## A first session")[1].split("\n## ")[0]
    return [Block(*found) for found in re.findall(r"```(\w+)\n(.*?)```", section, re.DOTALL)]


@pytest.fixture
def address(folder: Path, port: int) -> Iterator[str]:
    """The address of a running `manage.py dev` with fresh demo data."""
    process = start(PORT=str(port), DATA_DIR=str(folder))
    until_ready(process)
    yield f"127.0.0.1:{port}"
    process.terminate()
    end(process)


class Session:
    """Two terminals: one for the commands, one for the program that listens."""

    def __init__(self, address: str, folder: Path) -> None:
        self._address = address
        self._program = folder / "listen.py"
        self._variables = ""
        self._listener: subprocess.Popen[str] | None = None

    def command(self, text: str) -> str:
        """Run a command and return its output. An assigned TOKEN applies to later commands."""
        text = text.replace(README_ADDRESS, self._address)
        if text.startswith("TOKEN="):
            text += 'echo "$TOKEN"'
        done = subprocess.run(
            ["bash", "-c", self._variables + text],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=True,
        )
        if text.startswith("TOKEN="):
            self._variables = f"TOKEN={done.stdout}"
        return done.stdout

    def listen(self, program: str) -> None:
        """Start the README's listening program on the README's chat."""
        self._program.write_text(program.replace(README_ADDRESS, self._address))
        token = self._variables.removeprefix("TOKEN=").strip()
        self._start(sys.executable, "-u", str(self._program), token, "Q2hhdDoy")

    def stream(self, command: str) -> None:
        """Start a command that runs until it is stopped."""
        self._start("bash", "-c", f"{self._variables}exec {command.replace(README_ADDRESS, self._address)}")

    def _start(self, *arguments: str) -> None:
        self._listener = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)

    def read_lines(self, lines: int) -> str:
        """Return the next `lines` lines that the running program prints."""
        assert self._listener is not None
        assert self._listener.stdout is not None
        return "".join(self._listener.stdout.readline() for _ in range(lines))

    def stop(self) -> None:
        """Stop the running program, if there is one."""
        if self._listener is not None:
            self._listener.terminate()
            self._listener.communicate(timeout=SECONDS)


def test_the_first_session_gives_what_the_readme_says(address: str, tmp_path: Path) -> None:
    blocks = session()
    assert [block.language for block in blocks] == [
        *("sh", "sh", "json", "sh", "json"),  # log in, who am I, my chat with Bob
        *("python", "json", "sh", "json", "json"),  # listen, send, what the socket prints
        "sh",  # the same over HTTP; runs until it is stopped
    ]
    (
        login,
        viewer,
        viewer_output,
        chat,
        chat_output,
        program,
        first_frames,
        send,
        send_output,
        next_frame,
        _,
    ) = (block.text for block in blocks)
    terminal = Session(address, tmp_path)
    try:
        assert terminal.command(login).count(".") == 2
        assert terminal.command(viewer) == viewer_output.strip()
        assert terminal.command(chat) == chat_output.strip()
        terminal.listen(program)
        assert terminal.read_lines(2) == first_frames
        assert terminal.command(send) == send_output.strip()
        assert terminal.read_lines(1) == next_frame
        assert (
            terminal.command(send) == send_output.strip()
        )  # again: the same message, and nothing new arrives
    finally:
        terminal.stop()


def test_over_http_the_feed_begins_with_what_was_missed(address: str, tmp_path: Path) -> None:
    blocks = session()
    terminal = Session(address, tmp_path)
    terminal.command(blocks[0].text)
    terminal.command(blocks[7].text)
    terminal.stream(blocks[-1].text)
    try:
        while '{"seq":17,"message":{"text":"Hello from curl"}}' not in (line := terminal.read_lines(1)):
            assert line, "the stream ended without the message"
    finally:
        terminal.stop()
