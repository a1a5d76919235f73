"""The peer in Python: Strawberry, Channels and channels_redis as they come, put together as Strawberry's guide does."""
