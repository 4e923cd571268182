"""Degrees to metres: against numbers of the ellipsoid, round trips, and where no map is made."""
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from effvit_ros.core.errors import UserError
from effvit_ros.mapping.geodesy import LocalFrame, position_problem


@pytest.mark.parametrize('latitude, east, north', [
    # A thousandth of a degree by the radii of curvature of WGS 84.
    pytest.param(0.5, 111.315, 110.576, id='near_the_equator'),
    pytest.param(47.0, 76.056, 111.170, id='graz'),
    pytest.param(-33.9, 92.493, 110.920, id='cape_town'),
])
def test_a_thousandth_of_a_degree_in_metres(latitude, east, north):
    frame = LocalFrame(latitude, 15.0)
    x, _ = frame.to_metres(latitude, 15.001)
    _, y = frame.to_metres(latitude + 0.001, 15.0)
    assert x == pytest.approx(east, abs=0.03)
    assert y == pytest.approx(north, abs=0.03)


def test_the_origin_is_zero_and_north_is_up():
    frame = LocalFrame(47.0, 15.0)
    assert frame.to_metres(47.0, 15.0) == pytest.approx((0, 0), abs=1e-6)
    east, north = frame.to_metres(47.01, 15.0)
    assert abs(east) < 1e-6 and north > 0


@settings(max_examples=40, deadline=None)
@given(st.floats(-79, 83), st.floats(-180, 180), st.floats(-5000, 5000), st.floats(-5000, 5000))
def test_there_and_back(latitude, longitude, east, north):
    frame = LocalFrame(latitude or 0.1, longitude)
    there = frame.to_degrees(east, north)
    assert frame.to_metres(*there) == pytest.approx((east, north), abs=1e-4)


def test_the_date_line_is_a_meridian_like_any_other():
    frame = LocalFrame(-17.0, 179.9999)
    latitude, longitude = frame.to_degrees(np.array([0.0, 100.0]), np.array([0.0, 0.0]))
    assert longitude[1] == pytest.approx(-179.99916, abs=1e-4)
    assert frame.to_metres(latitude, longitude)[0] == pytest.approx([0, 100], abs=1e-3)
    _, unwrapped = frame.to_degrees_unwrapped(np.array([100.0]), np.array([0.0]))
    assert unwrapped[0] == pytest.approx(180.00084, abs=1e-4)


@pytest.mark.parametrize('latitude, longitude, words', [
    pytest.param(0.0, 0.0, '0, 0: a receiver without a fix', id='null_island'),
    pytest.param(float('nan'), 15.0, 'is not a number', id='nan'),
    pytest.param(91.0, 15.0, 'is not on earth', id='beyond_the_pole'),
    pytest.param(47.0, 400.0, 'is not on earth', id='longitude_400'),
    pytest.param(89.9, 15.0, 'too near to a pole', id='north_pole'),
    pytest.param(-85.0, 15.0, 'too near to a pole', id='south_pole'),
])
def test_where_no_map_is_made_is_one_line(latitude, longitude, words):
    assert words in position_problem(latitude, longitude)
    with pytest.raises(UserError, match=words):
        LocalFrame(latitude, longitude)
