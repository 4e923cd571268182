"""One small scene and flight for all tests of the flight."""
import pytest

from effvit_ros.flight import Flight

SMALL = 1024


@pytest.fixture(scope='session')
def flight():
    """Return a flight over a small scene, with an odd picture size."""
    return Flight(seed=3, width=161, height=119, rate_hz=30.0, scene_size=SMALL)


@pytest.fixture(scope='session')
def scene(flight):
    """Return that flight's scene."""
    return flight.scene
