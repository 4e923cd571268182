"""Samples by stamp, looked up between two of them; bounded, in any order of arrival."""
from __future__ import annotations

import bisect
from dataclasses import dataclass
from typing import Generic, List, Optional, TypeVar

#: What a track holds.
Sample = TypeVar('Sample')


class PoseProblem(Exception):
    """Why a picture can't be laid on the ground: a kind of :data:`KINDS`, one line of text."""

    KINDS = {
        'no_pose': 'no pose is near enough in time to the picture',
        'pose_jump': 'the position jumps faster than anything flies: not between its two sides',
        'bad_pose': 'a pose is no pose: 0/0, no fix, no number, no rotation',
        'no_height': 'the height above ground is not known at that time',
        'below_ground': 'the camera would be in or below the ground',
        'horizon': 'the camera sees no ground within the largest viewing angle',
        'no_camera_info': 'no camera_info tells where the pixels look',
        'bad_frame': 'the picture or its labels cannot be read',
    }

    def __init__(self, kind: str, text: str) -> None:
        """Keep the kind with the text."""
        super().__init__(text)
        self.kind = kind


@dataclass(frozen=True)
class Between(Generic[Sample]):
    """Two samples about a stamp, ``part`` (0..1) of the way from the first to the second."""

    first: Sample
    second: Sample
    part: float
    gap_s: float


class Track(Generic[Sample]):
    """Values by stamp in nanoseconds; what is older than the newest ``keep_s`` goes."""

    def __init__(self, what: str, keep_s: Optional[float] = None) -> None:
        """
        Start empty.

        :param what: how a problem names the samples, such as ``position``.
        :param keep_s: None keeps everything.
        """
        self._what = what
        self._keep_ns = None if keep_s is None else round(keep_s * 1e9)
        self._stamps: List[int] = []
        self._values: List[Sample] = []

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self._stamps)

    @property
    def values(self) -> List[Sample]:
        """Return the values in the order of their stamps."""
        return self._values

    @property
    def stamps(self) -> List[int]:
        """Return the stamps in ascending order."""
        return self._stamps

    def add(self, stamp_ns: int, value: Sample) -> None:
        """Insert a sample; a second one of the same stamp replaces the first."""
        if not self._stamps or stamp_ns > self._stamps[-1]:
            self._stamps.append(stamp_ns)
            self._values.append(value)
        else:
            at = bisect.bisect_left(self._stamps, stamp_ns)
            if self._stamps[at] == stamp_ns:
                self._values[at] = value
            else:
                self._stamps.insert(at, stamp_ns)
                self._values.insert(at, value)
        if self._keep_ns is not None:
            old = bisect.bisect_left(self._stamps, self._stamps[-1] - self._keep_ns)
            # In steps: cutting the front of a list moves all of it.
            if old > 256:
                del self._stamps[:old], self._values[:old]

    def clear(self) -> None:
        """Forget all samples, as when the clock jumps back."""
        del self._stamps[:], self._values[:]

    def at(self, stamp_ns: int, longest_gap_s: float) -> Between[Sample]:
        """
        Return the samples :class:`Between` which the stamp lies.

        Before the first and after the last nothing is made up, not even a little.

        :raises PoseProblem: ``no_pose``, also where the two are further apart than allowed.
        """
        at = bisect.bisect_left(self._stamps, stamp_ns)
        if at < len(self._stamps) and self._stamps[at] == stamp_ns:
            value = self._values[at]
            return Between(value, value, 0.0, 0.0)
        if at == 0 or at == len(self._stamps):
            nearest = (f'the nearest is {abs(self._nearest(at) - stamp_ns) * 1e-9:.2f} s away'
                       if self._stamps else 'there is none')
            raise PoseProblem('no_pose', f'no {self._what} on both sides of the picture: '
                              + nearest)
        before, after = self._stamps[at - 1], self._stamps[at]
        gap_s = (after - before) * 1e-9
        if gap_s > longest_gap_s:
            raise PoseProblem('no_pose', f'no {self._what} for {gap_s:.2f} s about the picture, '
                              f'allowed are {longest_gap_s:g} s')
        part = (stamp_ns - before) / (after - before)
        return Between(self._values[at - 1], self._values[at], part, gap_s)

    def _nearest(self, at: int) -> int:
        return self._stamps[min(at, len(self._stamps) - 1)]
