"""The `Authorization: Bearer` header (RFC 6750, 2.1)."""


def bearer_token(header: str) -> str | None:
    """The token of the header; empty when none follows the scheme, None for another scheme."""
    scheme, _, token = header.strip().partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None
