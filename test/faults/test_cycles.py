"""Transitions over and over."""
from __future__ import annotations

import pytest
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from watched_node import NODE, noise, PATIENCE_S, picture


@pytest.mark.slow
@pytest.mark.parametrize('there, back, turns', [
    pytest.param(('deactivate',), ('activate',), 200, id='deactivate-activate'),
    pytest.param(('deactivate', 'cleanup'), ('configure', 'activate'), 20,
                 id='cleanup-configure'),
])
def test_nothing_is_left_behind(watch, there, back, turns):
    node = watch().ready()
    frame = picture(noise())
    node.probe.node.create_timer(0.02, lambda: node.show(frame))

    client = node.probe.node.create_client(ChangeState, f'{NODE}/change_state')
    node.probe.until(client.service_is_ready, PATIENCE_S)

    def cycle():
        for name in (*there, *back):
            number = getattr(Transition, f'TRANSITION_{name.upper()}')
            answer = client.call_async(ChangeState.Request(transition=Transition(id=number)))
            node.probe.until(answer.done, PATIENCE_S, name)
            assert answer.result().success, name

    for _ in range(max(5, turns // 10)):
        cycle()
    node.recover()
    before = node.usage()
    for _ in range(turns):
        cycle()
    node.recover()
    after = node.usage()
    assert after.fds <= before.fds
    assert after.threads <= before.threads
    assert after.rss_mb - before.rss_mb < 20
    assert node.probe.state(NODE) == 'active'
    assert node.count('errors') == 0
