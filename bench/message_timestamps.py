"""Writes the sending time and the number of a message into its text, where clients find them without parsing JSON.

The text is `~<nanoseconds, 19 digits>~<index, 8 digits>~` and filler. JSON does not escape these characters, and no
other part of a frame contains a tilde.
"""

import time

SEPARATOR = b"~"
INDEX_OFFSET = 21
FILLER = "x" * 50
# Bytes. Every frame that delivers a message is longer, and every other frame is shorter.
SHORTEST_DELIVERY = 200


def text(index: int) -> str:
    """The text of message `index`, with the current time; 80 characters."""
    return f"~{time.monotonic_ns():019d}~{index:08d}~{FILLER}"
