"""A hub with short waits, closed after each test. The late imports are needed: Django is set up after this file."""

from collections.abc import AsyncIterator

import pytest
from pytest_django import Settings


@pytest.fixture
async def hub(transactional_db: None, settings: Settings) -> AsyncIterator[None]:
    """The hub of this loop, on real Redis and PostgreSQL."""
    from channels.layers import get_channel_layer

    from chats.feeds.hub import get_hub

    settings.FEED_GAP_WAIT_MS = 5
    settings.FEED_PROBE_SECONDS = 0.2
    settings.FEED_POLL_SECONDS = 0.1
    settings.FEED_RETRY_SECONDS = 0.02
    settings.FEED_LINGER_SECONDS = 0.02
    settings.FEED_RING_LINGER_SECONDS = 0.05
    yield
    await get_hub().close()
    await get_channel_layer().flush()


@pytest.fixture
def without_poll(hub: None, settings: Settings) -> None:
    """No poll: lost events stay lost until a test polls."""
    settings.FEED_POLL_SECONDS = settings.FEED_PROBE_SECONDS = 3600
