"""The GraphQL words for `chats` and `auth`, and the execution of operations. It knows no socket and writes no rows."""
