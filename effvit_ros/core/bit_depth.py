"""How many of sixteen bits a camera really fills: 10, 12 or 14 read as 16 are near-black."""
from __future__ import annotations

from typing import Optional

import numpy as np

#: Depths that cameras have; the values lie in the low bits.
DEPTHS = (8, 10, 12, 14, 16)


def bit_depth_problem(bits: int) -> Optional[str]:
    """Return what is wrong with a given depth in one line, or None."""
    if bits in (0, *DEPTHS):
        return None
    return f"bit_depth is '{bits}': give 0 or one of {', '.join(map(str, DEPTHS))}"


class BitDepth:
    """
    The depth of a stream of 16-bit pictures: as given, or as its values tell.

    Told by the values it is the least of :data:`DEPTHS` that holds every value so far: it only
    ever grows, so that brightness does not flicker from picture to picture.
    """

    def __init__(self, bits: int = 0) -> None:
        """Take ``bits`` of :data:`DEPTHS`; 0: as the values tell."""
        self._given = bits
        self.bits = bits or DEPTHS[0]
        #: Whether a picture of 16 bits came.
        self.used = False

    @property
    def guess(self) -> Optional[int]:
        """Return the depth where it is below 16 only because the values say so, else None."""
        return self.bits if self.used and not self._given and self.bits < 16 else None

    def to_bytes(self, high: np.ndarray, low: np.ndarray) -> np.ndarray:
        """
        Return pictures of 8 bits, uint8, the brightest value of the depth as 255.

        :param high: uint8, the upper byte of each value; ``low`` the lower one.
        """
        self.used = True
        if not self._given and self.bits < 16:
            brightest = int(high.max()) if high.size else 0
            self.bits = max(self.bits, next(d for d in DEPTHS if brightest < 1 << (d - 8)))
        if self.bits == 16:
            return high
        values = (high << np.uint8(16 - self.bits)) | (low >> np.uint8(self.bits - 8))
        if self._given:
            values[high >= 1 << (self.bits - 8)] = 255
        return values
