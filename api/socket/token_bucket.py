"""A token bucket: limits a rate to a burst and a number per second."""


class TokenBucket:
    """Holds up to `burst` tokens and gains `per_second` of them a second. Times are seconds of any one clock."""

    __slots__ = ("_burst", "_per_second", "_tokens", "_updated")

    def __init__(self, per_second: float, burst: int, now: float) -> None:
        self._per_second = per_second
        self._burst = float(burst)
        self._tokens = float(burst)
        self._updated = now

    def take(self, now: float) -> bool:
        """Take one token; False when none is left."""
        gained = (now - self._updated) * self._per_second
        self._tokens = min(self._burst, self._tokens + gained)
        self._updated = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def wait_seconds(self) -> float:
        """Seconds from the last `take` until a token is there."""
        return max(0.0, (1 - self._tokens) / self._per_second)
