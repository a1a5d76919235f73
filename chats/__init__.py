"""The domain: chats, members and messages, their log and their feeds. It knows no GraphQL, no socket and no REST."""
