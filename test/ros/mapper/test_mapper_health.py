"""What the mapper says of a map that stands still."""
from __future__ import annotations

from types import SimpleNamespace

import pytest

from effvit_ros.ros.mapper import health as module
from effvit_ros.ros.mapper.health import MapperHealth, STANDS_S


class Node:
    """As much of a node as health needs; keeps what is published."""

    def __init__(self):
        self.published = []

    def create_publisher(self, *_):
        return SimpleNamespace(publish=self.published.append)

    def get_logger(self):
        return SimpleNamespace(warning=lambda *_, **__: None)

    def get_fully_qualified_name(self):
        return '/uav1/mapper'

    def get_clock(self):
        from builtin_interfaces.msg import Time
        return SimpleNamespace(now=lambda: SimpleNamespace(to_msg=Time))


LIVE_MAP = SimpleNamespace(assumed=0, ground=SimpleNamespace(store=SimpleNamespace(
    keys=lambda: [(0, 0)])))


@pytest.mark.parametrize('events, message', [
    pytest.param([(0, 'mapped')], 'mapping', id='just_now'),
    pytest.param([], 'the map stands still: no labels come', id='nothing'),
    pytest.param([(0, 'problem'), (1, 'mapped')], 'the map stands still: no labels come',
                 id='an_old_problem_is_not_why'),
    pytest.param([(0, 'mapped'), (1, 'problem')], 'the map stands still: no_pose: late',
                 id='a_new_one_is'),
    pytest.param([(0, 'mapped'), (STANDS_S, 'received')],
                 'the map stands still: there is no time for it on this machine', id='too_slow'),
])
def test_why_the_map_stands_still(monkeypatch, events, message):
    clock = SimpleNamespace(monotonic=lambda: clock.now, now=100.0)
    monkeypatch.setattr(module, 'time', clock)
    node = Node()
    health = MapperHealth(node)
    health.activated()
    act = {'mapped': lambda: health.mapped(False), 'received': health.received,
           'problem': lambda: health.left_out('no_pose', 'late')}
    for after, what in events:
        clock.now = 100.0 + after
        act[what]()
    clock.now = 100.0 + (0.5 if message == 'mapping' else STANDS_S + 1.5)
    health.publish('active', LIVE_MAP)
    status, = node.published[-1].status
    assert (status.message, status.name) == (message, 'uav1/mapper: mapping')
    assert status.level == (b'\x00' if message == 'mapping' else b'\x01')
