"""The people and chats of a benchmark, as plain data that needs no Django."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Person:
    """A user and an access token that is valid for a day."""

    user_id: int
    token: str


@dataclass(frozen=True, slots=True)
class Chat:
    """A chat with its id in the database, its global id and its members."""

    chat_id: int
    global_id: str
    members: tuple[Person, ...]


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of chats: `count` of them, with `size` members each."""

    count: int
    size: int
