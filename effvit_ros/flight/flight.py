"""The flight as a camera: frame number in, picture and truth out."""
from __future__ import annotations

from typing import Iterator, NamedTuple, Sequence, Tuple

import numpy as np

from effvit_ros.core.errors import UserError
from effvit_ros.flight.path import FlightPath, Pose, ROUND_S
from effvit_ros.flight.renderer import flight_light, Renderer
from effvit_ros.flight.scene import build_scene, SIZE

#: Time for which the shutter is open, seconds.
SHUTTER_S = 1 / 90
#: Share of a round in which the flight climbs to the next altitude.
CLIMB = 0.1


class FlightFrame(NamedTuple):
    """
    One picture of the flight with its truth.

    ``image``: (H, W, 3) uint8, BGR. ``labels``: (H, W) uint8, LPCV-14 ids 0..13.
    ``stamp_s``: time since take-off, seconds.
    """

    image: np.ndarray
    labels: np.ndarray
    stamp_s: float


class Flight:
    """
    A closed round over a scene built from ``seed``; the same seed gives the same bytes.

    ``width``, ``height``: pixels, 16 to 4096; ``rate_hz``: frames a second of flight;
    ``scene_size``: edge of the scene, pixels, a multiple of 512; ``altitudes``: factors of
    the height, 0.3 to 3, each for a round, in turn.
    Building takes a few seconds; :meth:`frame` takes milliseconds and is a pure function
    of the frame number. Raises :class:`UserError` for a size or rate out of range.
    """

    def __init__(self, seed: int = 0, width: int = 640, height: int = 480,
                 rate_hz: float = 30.0, scene_size: int = SIZE,
                 altitudes: Sequence[float] = (1.0,)) -> None:
        if seed < 0:
            raise UserError(f'flight seed {seed} is negative: give 0 or more')
        for name, value in (('width', width), ('height', height)):
            if not 16 <= value <= 4096:
                raise UserError(f'flight {name} {value} is out of range: give 16 to 4096 pixels')
        if not 0 < rate_hz <= 1000:
            raise UserError(f'flight rate {rate_hz} Hz is out of range: give above 0 to 1000')
        for altitude in altitudes:
            if not 0.3 <= altitude <= 3:
                raise UserError(f'flight altitude {altitude} is out of range: give 0.3 to 3')
        self.seed = seed
        self.altitudes = tuple(altitudes)
        self.width = width
        self.height = height
        self.rate_hz = rate_hz
        self.scene = build_scene(seed, scene_size)
        self.path = FlightPath(self.scene.sights, scene_size, seed)
        self._renderer = Renderer(self.scene, width, height, seed)

    def pose(self, time_s: float) -> Pose:
        """Return where the camera is ``time_s`` seconds after take-off."""
        pose = self.path.pose(time_s)
        round_, part = divmod(time_s / ROUND_S, 1.0)
        here = self.altitudes[int(round_) % len(self.altitudes)]
        before = self.altitudes[int(round_ - (round_ > 0)) % len(self.altitudes)]
        # A climb, smooth at both ends, rather than a step.
        climbed = min(1.0, part / CLIMB)
        climbed = climbed * climbed * (3 - 2 * climbed)
        return pose._replace(scale=pose.scale * before ** (1 - climbed) * here ** climbed)

    def frame(self, index: int) -> FlightFrame:
        """Render frame ``index`` (0, 1, 2, ...), taken ``index / rate_hz`` s after take-off."""
        stamp_s = index / self.rate_hz
        pose = self.pose(stamp_s)
        image, labels = self._renderer.render(
            pose, flight_light(self.seed, stamp_s), self._motion(pose, stamp_s), index)
        return FlightFrame(image, labels, stamp_s)

    def _motion(self, pose: Pose, stamp_s: float) -> Tuple[float, float]:
        """Pixels by which the middle of the picture moves while the shutter is open."""
        there = self.pose(stamp_s + SHUTTER_S)
        to_picture = np.linalg.inv(self._renderer.homography(pose))
        u, v, w = to_picture @ (there.x, there.y, 1)
        return u / w - (self.width - 1) / 2, v / w - (self.height - 1) / 2

    def __iter__(self) -> Iterator[FlightFrame]:
        """Yield the frames from 0 on, without end."""
        index = 0
        while True:
            yield self.frame(index)
            index += 1
