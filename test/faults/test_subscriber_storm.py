"""Subscribers of all topics that come and go."""
from __future__ import annotations

import pytest
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Float32MultiArray
from watched_node import NODE, noise, OK, picture

TOPICS = ((Image, 'labels'), (Image, 'overlay'), (CompressedImage, 'overlay/compressed'),
          (Float32MultiArray, 'class_areas'))
ROUNDS = 50


@pytest.mark.slow
def test_fifty_rounds_leave_nothing_behind(watch):
    node = watch().ready()
    frame = picture(noise())
    node.probe.node.create_timer(0.02, lambda: node.show(frame))

    def round_of_subscribers():
        heard = [node.probe.collect(kind, f'{NODE}/{name}') for kind, name in TOPICS]
        node.probe.until(lambda: all(messages for messages, _ in heard), 60)
        for _, subscription in heard:
            node.probe.node.destroy_subscription(subscription)

    for _ in range(5):
        round_of_subscribers()
    before = node.usage()
    for _ in range(ROUNDS):
        round_of_subscribers()
    after = node.usage()
    assert (after.fds, after.threads) == (before.fds, before.threads)
    assert after.rss_mb - before.rss_mb < 10
    status, values = node.status()
    assert (status.level, values['errors']) == (OK, '0')
