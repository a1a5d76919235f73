"""Profiles: the public columns, in one query."""

import pytest
from pytest_django import DjangoAssertNumQueries

from chats.profiles import profiles
from tests.factories import make_user

pytestmark = pytest.mark.django_db


def test_a_profile_has_only_public_columns(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    ann = make_user("ann", email="ann@example.org", avatar_url="https://example.org/ann.png", is_active=False)
    with django_assert_num_queries(1) as queries:
        profile = profiles([ann.pk, ann.pk + 1000])[ann.pk]
    assert (profile.user_id, profile.username, profile.display_name) == (ann.pk, "ann", "Ann")
    assert (profile.avatar_url, profile.is_bot) == ("https://example.org/ann.png", False)
    assert "email" not in queries.captured_queries[0]["sql"]
    with django_assert_num_queries(0):
        assert profiles([]) == {}
