"""A clock that jumps back, as when a bag or a simulation starts over."""
from __future__ import annotations

import pytest
from rosgraph_msgs.msg import Clock
from watched_node import noise, OK, picture, STALE


@pytest.mark.slow
def test_a_jump_back_raises_no_alarm_and_every_frame_is_answered(watch):
    node = watch(use_sim_time=True, no_image_timeout=5.0)
    clock = node.probe.node.create_publisher(Clock, '/clock', 10)
    now = [1000.0]

    def tick():
        now[0] += 0.05
        message = Clock()
        message.clock.sec = int(now[0])
        message.clock.nanosec = int(now[0] % 1 * 1e9)
        clock.publish(message)
    node.probe.node.create_timer(0.05, tick)
    frame = picture(noise())
    node.ready()
    stream = node.probe.node.create_timer(0.05, lambda: node.show(frame))
    for start in (1000.0, 100.0, 3.0):
        now[0] = start
        del node.labels[:]
        node.probe.until(lambda: len(node.labels) > 20, 60)
        levels = []
        while len(node.labels) < 40:
            levels.append(node.status()[0].level)
        assert STALE not in levels and levels[-1] == OK
        assert float(node.status()[1]['rate_hz']) > 0
    node.probe.node.destroy_timer(stream)
    # By the same clock a camera that falls silent is still told of.
    node.until_level(STALE, 'no frame for')
