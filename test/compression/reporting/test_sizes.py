"""Things found by their size."""
from __future__ import annotations

import numpy as np
import pytest

from effvit_compression.reporting.sizes import found_by_size, Thing, things


def test_things_are_measured_in_pixels_of_the_networks_input():
    truth = np.zeros((100, 200), np.uint8)
    truth[10:20, 10:30] = 10                       # 10 x 20
    truth[50:52, 100:104] = 10                     # 2 x 4, not seen
    labels = np.zeros_like(truth)
    labels[10:20, 10:25] = 10                      # three quarters of the first
    large, small = things(truth, labels, 10, 50)   # an eighth of the picture's pixels
    assert large == Thing(pytest.approx((200 / 8) ** 0.5), 0.75)
    assert small == Thing(pytest.approx(1.0), 0.0)


@pytest.mark.parametrize('listed, expected', [
    pytest.param([], {}, id='nothing'),
    pytest.param([Thing(3.9, 0.5), Thing(1.0, 0.4)], {'below 4': (2, 0.5)}, id='half is enough'),
    pytest.param([Thing(4.0, 1.0), Thing(64.0, 0.0)],
                 {'4 to 8': (1, 1.0), '64 and more': (1, 0.0)}, id='bounds belong above'),
])
def test_groups(listed, expected):
    assert found_by_size(listed) == expected
