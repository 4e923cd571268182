"""
Frames of tf2 put together at a stamp.

Own code rather than tf2's buffer: that one needs a ROS installation, which the reader of a bag
has not, and it interpolates over any gap, where a map wants to know that there was one.
"""
from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence, Set, Tuple

import numpy as np

from effvit_ros.mapping.rotations import between, matrix, normalized
from effvit_ros.mapping.track import PoseProblem, Track

#: Translation (3,) and unit quaternion (4,) of a frame in its parent.
Move = Tuple[np.ndarray, np.ndarray]


class FrameTree:
    """Takes transforms in as they come; frames are named without a leading slash."""

    def __init__(self, keep_s: Optional[float] = None) -> None:
        """Start empty; what is older than the newest ``keep_s`` goes, None keeps everything."""
        self._keep_s = keep_s
        self._parents: Dict[str, str] = {}
        self._moving: Dict[str, Track[Move]] = {}
        self._fixed: Dict[str, Move] = {}

    def add(self, message: Any, static: bool) -> None:
        """
        Take in a ``tf2_msgs/TFMessage``.

        :param static: it came on /tf_static.
        :raises PoseProblem: ``bad_pose``: a transform is none, or a frame has two parents.
        """
        for transform in message.transforms:
            self._add(transform, static)

    def _add(self, transform: Any, static: bool) -> None:
        child = transform.child_frame_id.lstrip('/')
        parent = transform.header.frame_id.lstrip('/')
        place, turn = transform.transform.translation, transform.transform.rotation
        move = np.array([place.x, place.y, place.z])
        quaternion = normalized([turn.x, turn.y, turn.z, turn.w])
        if quaternion is None or not np.isfinite(move).all():
            raise PoseProblem('bad_pose', f'the transform from {parent} to {child} is no rotation '
                              'and translation')
        if self._parents.setdefault(child, parent) != parent:
            raise PoseProblem('bad_pose', f'the frame {child} has two parents: '
                              f'{self._parents[child]} and {parent}')
        if static:
            self._fixed[child] = move, quaternion
            return
        stamp = transform.header.stamp
        track = self._moving.setdefault(child, self._track(child))
        track.add(stamp.sec * 10**9 + stamp.nanosec, (move, quaternion))

    def _track(self, child: str) -> Track[Move]:
        return Track(f'transform of {child}', self._keep_s)

    def clear(self) -> None:
        """Forget what moves; what is fixed was told once and stays."""
        self._moving.clear()

    def pose(self, target: str, source: str, stamp_ns: int,
             longest_gap_s: float) -> Tuple[np.ndarray, np.ndarray]:
        """
        Return (place (3,), rotation (3, 3)) of the frame ``source`` in the frame ``target``.

        :raises PoseProblem: ``no_pose``: nothing leads from one to the other, or not then.
        """
        up, down = self._way(source), self._way(target)
        if not set(up) & set(down):
            raise PoseProblem('no_pose', f"no tf leads from {target} to "
                              f"{source or 'a frame without a name'}: there are "
                              f'{", ".join(sorted(self._frames())) or "none"}')
        root = next(frame for frame in up if frame in down)
        place, turn = self._along(up[:up.index(root)], stamp_ns, longest_gap_s)
        back, turned = self._along(down[:down.index(root)], stamp_ns, longest_gap_s)
        return turned.T @ (place - back), turned.T @ turn

    def _along(self, frames: Sequence[str], stamp_ns: int,
               longest_gap_s: float) -> Tuple[np.ndarray, np.ndarray]:
        """Return the pose of the first frame in the parent of the last."""
        place, turn = np.zeros(3), np.eye(3)
        for child in frames:
            if child in self._fixed:
                move, quaternion = self._fixed[child]
            else:
                track = self._moving.get(child, self._track(child))
                found = track.at(stamp_ns, longest_gap_s)
                (a, first), (b, second) = found.first, found.second
                move = a + found.part * (b - a)
                quaternion = between(first, second, found.part)
            rotation = matrix(quaternion)
            place, turn = rotation @ place + move, rotation @ turn
        return place, turn

    def _way(self, frame: str) -> List[str]:
        """Return the frame, its parent, and so on up to the root."""
        way = [frame.lstrip('/')]
        while way[-1] in self._parents and self._parents[way[-1]] not in way:
            way.append(self._parents[way[-1]])
        return way

    def _frames(self) -> Set[str]:
        return set(self._parents) | set(self._parents.values())
