"""Reads the public profiles of people: the public columns of the user model, and no others."""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth import get_user_model

from chats.events import Profile

PUBLIC_FIELDS = ("id", "username", "display_name", "avatar_url", "is_bot")


def profiles(user_ids: Iterable[int]) -> dict[int, Profile]:
    """The profiles of existing people, active or not, by id. One query; none for no ids."""
    wanted = set(user_ids)
    if not wanted:
        return {}
    rows = get_user_model().objects.filter(id__in=wanted).values_list(*PUBLIC_FIELDS)
    return {row[0]: profile_of_row(row) for row in rows}


def active_profiles(user_ids: Iterable[int]) -> dict[int, Profile]:
    """The profiles of active people, by id. One query."""
    rows = get_user_model().objects.filter(id__in=set(user_ids), is_active=True).values_list(*PUBLIC_FIELDS)
    return {row[0]: profile_of_row(row) for row in rows}


def profile_of_row(row: tuple[Any, ...]) -> Profile:
    """A profile from the values of `PUBLIC_FIELDS`."""
    user_id, username, display_name, avatar_url, is_bot = row
    return Profile(
        user_id=user_id, username=username, display_name=display_name, avatar_url=avatar_url, is_bot=is_bot
    )


def departed(user_id: int) -> Profile:
    """The profile of a deleted account, for an event that must name a person."""
    return Profile(user_id=user_id, username="", display_name="", avatar_url=None, is_bot=False)
