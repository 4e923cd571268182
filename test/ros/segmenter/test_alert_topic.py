"""By which model's classes rules for alerts are judged, before and while one is loaded."""
from __future__ import annotations

from types import SimpleNamespace

import pytest
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray
from live_ros import fresh_domain, Probe
from rclpy.parameter import Parameter
from std_msgs.msg import Header

from effvit_ros.core.alerts import Alert
from effvit_ros.core.bundle import load_bundle
from effvit_ros.core.errors import UserError
from effvit_ros.ros.segmenter.alert_topic import alerts_in, AlertTopic
from effvit_ros.ros.segmenter.outputs import Outputs


@pytest.fixture
def node():
    probe = Probe(fresh_domain())
    probe.node.declare_parameter('alerts', 'red>0.1')
    yield probe.node
    probe.close()


def set_rules(node, text):
    return node.set_parameters([Parameter('alerts', value=text)])[0]


def test_new_rules_are_judged_by_the_model_at_work_not_by_one_that_may_fail_to_load(node):
    topic = AlertTopic(node, node.create_publisher(DiagnosticArray, 'alerts', 1))
    topic.introduce(('background', 'red', 'green'))
    with pytest.raises(UserError, match="the model has no class 'red'"):
        topic.check(('background', 'person'))
    topic.check(('background', 'red'))

    assert set_rules(node, 'green>0.1').successful
    result = set_rules(node, 'person>0.1')
    assert not result.successful
    assert "the model has no class 'person'" in result.reason


def test_a_closed_topic_judges_no_more(node):
    topic = AlertTopic(node, node.create_publisher(DiagnosticArray, 'alerts', 1))
    topic.introduce(('background', 'red'))
    topic.close()
    assert set_rules(node, 'person>0.1').successful


def test_what_is_raised_is_told_again_and_nothing_else(node):
    told = []
    publisher = SimpleNamespace(publish=told.append, get_subscription_count=lambda: 1)
    topic = AlertTopic(node, publisher)
    topic.repeat()
    topic.update((0.9, 0.05), ('background', 'red'), Header())
    topic.repeat()
    assert told == [], 'nothing is raised'
    for _ in range(3):
        topic.update((0.5, 0.5), ('background', 'red'), Header(frame_id='camera'))
    topic.repeat()
    first, again = map(alerts_in, told)
    assert first == again == (Alert('red', 'raised', 0.5),)
    assert told[1].header.frame_id == 'camera'
    topic.close()


def test_what_the_ids_mean_is_told_again_to_whoever_listens(node, tiny_bundle):
    outputs = Outputs(node)
    heard = []
    outputs.publish_label_info(load_bundle(tiny_bundle), Time())
    outputs._meaning = tuple(
        (SimpleNamespace(publish=heard.append, get_subscription_count=lambda n=n: n), message)
        for n, (_, message) in zip((1, 0), outputs._meaning))
    outputs.repeat()
    outputs.repeat()
    legend, again = heard
    assert legend.data == again.data and "1: {name: 'red'" in legend.data
    outputs.close()
