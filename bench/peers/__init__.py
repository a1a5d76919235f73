"""What Parlor is measured against. Each is configured as its own documentation tells."""
