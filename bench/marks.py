"""The mark in every message: when it was sent and which it is, found again without parsing the frame.

`~<nanoseconds, 19 digits>~<index, 8 digits>~` and filler, as the message's text. No JSON escape touches it, and nothing
else in a frame holds a tilde.
"""

import time

MARK = b"~"
INDEX_OFFSET = 21
FILLER = "x" * 50
# Every frame with a marked message is longer than this, in bytes, and every other frame is shorter.
SHORTEST_DELIVERY = 200


def text(index: int) -> str:
    """The text of message `index`, sent now; 80 characters."""
    return f"~{time.monotonic_ns():019d}~{index:08d}~{FILLER}"
