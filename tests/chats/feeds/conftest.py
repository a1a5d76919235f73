"""A hub with short waits, closed after each test. pytest may read this before Django is set up: hence late imports."""

from collections.abc import AsyncIterator

import pytest
from pytest_django import Settings


@pytest.fixture
async def hub_of_the_loop(transactional_db: None, settings: Settings) -> AsyncIterator[None]:
    """The hub of the test's loop, on real Redis and PostgreSQL."""
    from channels.layers import get_channel_layer

    from chats.feeds.hub import get_hub

    settings.FEED_GAP_WAIT_MS = 5
    settings.FEED_PROBE_SECONDS = 0.1
    settings.FEED_POLL_SECONDS = 0.1
    settings.FEED_RETRY_SECONDS = 0.02
    settings.FEED_LINGER_SECONDS = 0.02
    yield
    await get_hub().close()
    await get_channel_layer().flush()
