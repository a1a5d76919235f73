"""What `chats` and `auth` both stand on: error codes, the Redis client, database threads.

Not a place for domain words, and not a drawer for helpers: it imports no other package of the project.
"""
