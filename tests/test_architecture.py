"""ARCHITECTURE.md is true: the files that it names exist, its journeys are short, and its rooms are all there are."""

import re

from tests.server import ROOT

TEXT = (ROOT / "ARCHITECTURE.md").read_text()
MOST_STOPS = 15


def test_every_file_and_folder_exists() -> None:
    named = set(re.findall(r"`((?:api|schema|chats|auth|foundation|tests|bench|web)/[\w/.]*)`", TEXT))
    assert len(named) > 50
    assert sorted(path for path in named if not (ROOT / path).exists()) == []


def test_every_journey_is_short_and_each_stop_names_its_file_first() -> None:
    journeys = re.findall(r"^### (.+?)\n\n(.+?)(?=\n##)", TEXT, re.MULTILINE | re.DOTALL)
    assert len(journeys) == 3
    for title, text in journeys:
        stops = re.findall(r"^(\d+)\. `([\w/]+\.py)`", text, re.MULTILINE)
        assert [int(number) for number, _ in stops] == list(range(1, len(stops) + 1)), title
        assert len(re.findall(r"^\d+\.", text, re.MULTILINE)) == len(stops) <= MOST_STOPS, title


def test_the_table_of_rooms_has_every_room() -> None:
    table = TEXT.partition("## 2. The rooms")[2].partition("## 3.")[0]
    rooms = {
        path.relative_to(ROOT).as_posix()
        for package in ("api", "schema", "chats")
        for path in (ROOT / package).iterdir()
        if (path / "__init__.py").exists() and path.name not in ("management", "migrations", "live")
    }
    rooms |= {f"schema/live/{path.parent.name}" for path in (ROOT / "schema/live").glob("*/__init__.py")}
    short = {room.rpartition("/")[2] for room in rooms}
    assert sorted(name for name in short if f"{name}/`" not in table) == []


def test_the_names_of_the_recipes_exist() -> None:
    """A recipe that names a function, class or constant names one that the files it names have."""
    for name, path in (
        ("EventType", "chats/events.py"),
        ("DurableEvent", "chats/events.py"),
        ("CommonFeedEvent", "schema/types/events.py"),
        ("SHAREABLE", "schema/types/scope.py"),
        ("def lock_chat", "chats/log/append.py"),
        ("def append", "chats/log/append.py"),
        ("def publish_on_commit", "chats/feeds/publish.py"),
        ("BOUNDS", "schema/types/contract.py"),
        ("class LiveOperation", "schema/live/outlet.py"),
    ):
        assert name in (ROOT / path).read_text(), (name, path)
        assert name.removeprefix("def ").removeprefix("class ") in TEXT
