"""Where the simulated camera is on earth, and what its sensors say of that."""
from __future__ import annotations

from typing import NamedTuple, Optional, Sequence, Union

import numpy as np

from effvit_ros.flight.flight import Flight
from effvit_ros.flight.path import ROUND_S
from effvit_ros.flight.renderer import Renderer

#: The middle of the scene, degrees, and its ground's height above the ellipsoid, metres.
PLACE = (47.0583, 15.4571)
GROUND_ALTITUDE_M = 402.0
#: Takes the scene's axes (x east, y south, down) to east, north, up.
_SCENE_TO_ENU = np.diag([1.0, -1.0, -1.0])


class SensorErrors(NamedTuple):
    """
    Errors of the sensors; what they tell of themselves (their covariances) is the truth.

    ``gps_m``: sigma of east and north, 1.5 times that of the altitude; ``heading_deg``,
    ``tilt_deg``: sigma of the heading, and of pitch and roll; all wander with the time
    ``wander_s`` (0: again with each message). ``range_share``: sigma of the rangefinder.
    ``latency_s``: pictures are stamped so much too late.
    """

    gps_m: float = 0.0
    heading_deg: float = 0.0
    tilt_deg: float = 0.0
    range_share: float = 0.0
    latency_s: float = 0.0
    wander_s: float = 10.0


class TruePose(NamedTuple):
    """Position (east, north, up) of the camera, metres; rotation from the optical frame."""

    position: np.ndarray
    rotation: np.ndarray


class Survey:
    """
    A :class:`~effvit_ros.flight.flight.Flight` over a real place, at a speed of one's own.

    The scene's middle lies at ``PLACE``; the camera is fixed to the aircraft and looks straight
    down, with the picture's top at the nose, where the aircraft is level.
    """

    def __init__(self, flight: Flight, round_s: float) -> None:
        """
        Take a flight.

        :param round_s: seconds of a round; the flight's own are :data:`ROUND_S`.
        """
        self.flight = flight
        self.speed = ROUND_S / round_s

    def true_pose(self, time_s: float) -> TruePose:
        """Return the camera's :class:`TruePose`, ``time_s`` seconds after take-off."""
        pose = self.flight.pose(time_s * self.speed)
        place, height, turn = Renderer.camera(pose)
        scene = self.flight.scene
        middle = (len(scene.labels) - 1) / 2
        east, south = (place - middle) / scene.ppm
        return TruePose(np.array([east, -south, height / scene.ppm]), _SCENE_TO_ENU @ turn)


class Wander:
    """Noise that wanders (Gauss and Markov): sigma at any time, forgotten within ``time_s``."""

    def __init__(self, rng: np.random.Generator, sigma: Union[np.ndarray, Sequence[float]],
                 time_s: float) -> None:
        """``sigma``: array of the deviations."""
        self._rng, self._sigma, self._time_s = rng, np.asarray(sigma, np.float64), time_s
        self._state: Optional[np.ndarray] = None
        self._at = 0.0

    def __call__(self, time_s: float) -> np.ndarray:
        """Return the error at a time, which never goes back."""
        fresh = self._rng.normal(0, 1, self._sigma.shape)
        if self._state is None or not self._time_s:
            self._state = fresh
        else:
            keep = np.exp(-(time_s - self._at) / self._time_s)
            self._state = keep * self._state + np.sqrt(1 - keep * keep) * fresh
        self._at = time_s
        return self._sigma * self._state


class Sensors:
    """Receiver, attitude and rangefinder of a survey; the same seed errs in the same way."""

    def __init__(self, survey: Survey, errors: SensorErrors, seed: int) -> None:
        """Take a :class:`Survey` and :class:`SensorErrors`."""
        self._survey = survey
        self.errors = errors
        rng = [np.random.default_rng([seed, 40 + k]) for k in range(3)]
        self.gps_sigma = np.array([1.0, 1.0, 1.5]) * errors.gps_m
        self.attitude_sigma = np.radians([errors.tilt_deg, errors.tilt_deg, errors.heading_deg])
        self._gps = Wander(rng[0], self.gps_sigma, errors.wander_s)
        self._attitude = Wander(rng[1], self.attitude_sigma, errors.wander_s)
        self._range = Wander(rng[2], [errors.range_share], 0)

    def position(self, time_s: float) -> np.ndarray:
        """Return east, north and up (above the ground) as the receiver tells them."""
        return self._survey.true_pose(time_s).position + self._gps(time_s)

    def attitude(self, time_s: float) -> np.ndarray:
        """Return the aircraft's rotation to east, north, up, (3, 3), as the Imu tells it."""
        x, y, z = self._attitude(time_s)
        error = np.array([[1, -z, y], [z, 1, -x], [-y, x, 1]])
        left, _, right = np.linalg.svd(error)
        return left @ right @ self._body(time_s)

    def range(self, time_s: float) -> float:
        """Return the rangefinder's metres along the aircraft's down."""
        true = self._survey.true_pose(time_s).position[2] / self._body(time_s)[2, 2]
        return true * (1 + float(self._range(time_s)[0]))

    def _body(self, time_s: float) -> np.ndarray:
        return self._survey.true_pose(time_s).rotation @ _NADIR.T


#: The optical frame's axes in the body of :class:`Survey`'s aircraft (forward, left, up).
_NADIR = np.array([[0.0, -1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])
