"""How much may come in: one bucket for everybody, in memory. No address is looked at or kept."""

from collections.abc import Callable

from hearing.errors import Unavailable


class Quota:
    """Lets `burst` through at once, and `per_s` in the long run. `now_ms` only has to grow."""

    def __init__(self, burst: int, per_s: float, now_ms: Callable[[], int]) -> None:
        self._burst = burst
        self._per_s = per_s
        self._now_ms = now_ms
        self._left = float(burst)
        self._at_ms = now_ms()

    def take(self) -> None:
        """Take one. Raises Unavailable where there is none: nothing was stored, and the receipt stays good."""
        now = self._now_ms()
        self._left = min(self._burst, self._left + max(0, now - self._at_ms) / 1000 * self._per_s)
        self._at_ms = now
        if self._left < 1:
            raise Unavailable("Very much is coming in now. Keep your receipt and send the same again in a minute.")
        self._left -= 1
