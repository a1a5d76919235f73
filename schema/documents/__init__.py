"""GraphQL documents before they run: found by hash, parsed, validated, within the limits, kept for the next request."""
