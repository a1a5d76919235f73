"""Identity: accounts, sessions, tokens, tickets and their revocation. It knows nothing of chats."""
