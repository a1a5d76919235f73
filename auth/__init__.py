"""Identity: people, sessions, tokens, tickets and their revocation. It knows no chat."""
