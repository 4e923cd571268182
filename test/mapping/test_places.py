"""Things with a place: merged by where they are, with a radius that holds their middle."""
from __future__ import annotations

import json
import math

import numpy as np
import pytest

from effvit_ros.mapping.places import COMMON, EXTENT, LOOKS, PlaceMerger, R95, Sighting

PERSON, FIRE = 10, 6


def sighting(east=0.0, north=0.0, sigma=1.0, radius=0.5, class_id=PERSON):
    return Sighting(class_id, east, north, sigma, radius, 20, 0.8)


def merged(*looks):
    """Return the merger of looks, each a list of sightings of one picture."""
    merger = PlaceMerger()
    for stamp, seen in enumerate(looks):
        merger.add(seen, stamp)
    return merger


def test_one_person_in_forty_pictures_is_one_alert():
    place, = merged(*[[sighting(0.1 * (n % 3))] for n in range(40)]).known()
    assert place.looks == 40
    assert place.east == pytest.approx(0.1, abs=0.01)


@pytest.mark.parametrize('other, count', [
    pytest.param(sighting(2.9), 1, id='within_3_m'),
    pytest.param(sighting(9.0), 2, id='9_m_away'),
    pytest.param(sighting(2.9, class_id=FIRE), 2, id='of_another_class'),
    pytest.param(sighting(9.0, radius=10.0), 1, id='within_a_region_as_large'),
    pytest.param(sighting(9.0, sigma=6.0), 1, id='within_what_the_pose_may_err'),
])
def test_what_is_one_thing(other, count):
    assert len(merged(*[[sighting(), other]] * LOOKS).known()) == count


def test_two_looks_are_no_news_and_the_third_is():
    merger = PlaceMerger()
    looks = [merger.add([sighting()], stamp)[0].looks for stamp in range(4)]
    assert looks == [1, 2, LOOKS, 4]
    assert len(merged(*[[sighting()]] * 2).known()) == 0


def test_the_radius_by_hand():
    # Of one look: 1 m of pose, a quarter of 2 m of region; over 4 looks half of the variance
    # is common, the other half divides by 4.
    place, = merged(*[[sighting(radius=2.0)]] * 4).known()
    one_look = 1.0 + (EXTENT * 2.0) ** 2
    assert place.uncertainty == pytest.approx(
        R95 * math.sqrt(one_look * (COMMON + (1 - COMMON) / 4)))


def test_looks_that_disagree_are_believed_less():
    agreeing, = merged(*[[sighting(sigma=0.1, radius=0.1)]] * 4).known()
    apart, = merged(*[[sighting(e, sigma=0.1, radius=0.1)] for e in (-1, 1, -1, 1)]).known()
    # Sigma of an axis: the mean of 4/3 m2 along east and of none along north.
    assert apart.sigma == pytest.approx(math.sqrt(2 / 3 * (COMMON + (1 - COMMON) / 4)))
    assert apart.uncertainty > 5 * agreeing.uncertainty


def test_a_piece_says_less_of_the_middle_than_the_whole():
    place, = merged(*[[sighting(0.0, radius=4.0)], [sighting(3.0, radius=1.0)]] * 2).known()
    # Weighed by area, 16 to 1.
    assert place.east == pytest.approx(3 / 17)
    assert place.radius == pytest.approx((16 * 4 + 1) / 17)


def test_the_stated_radius_holds_the_middle_in_95_of_100_cases():
    rng = np.random.default_rng(7)
    inside = 0
    for _ in range(400):
        # Half of the variance is of all looks alike.
        common = rng.normal(0, math.sqrt(COMMON), 2)
        looks = common + rng.normal(0, math.sqrt(1 - COMMON), (9, 2))
        place = max(merged(*[[sighting(e, n, sigma=1.0, radius=0.2)] for e, n in looks]).known(),
                    key=lambda p: p.looks)
        inside += math.hypot(place.east, place.north) <= place.uncertainty
    assert 0.93 <= inside / 400 <= 0.99


def test_a_state_is_taken_up_again():
    merger = merged(*[[sighting(1.0), sighting(50.0)]] * 3)
    again = PlaceMerger()
    again.resume(json.loads(json.dumps(merger.state())))
    for one in (merger, again):
        one.add([sighting(1.2)], 9)
    assert [p.state() for p in again.known()] == [p.state() for p in merger.known()]
