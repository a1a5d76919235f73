"""The Python peer: unmodified Strawberry, Channels and channels_redis, combined as in Strawberry's guide."""
