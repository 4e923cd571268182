"""By which model's classes rules for alerts are judged, before and while one is loaded."""
from __future__ import annotations

import pytest
from diagnostic_msgs.msg import DiagnosticArray
from live_ros import fresh_domain, Probe
from rclpy.parameter import Parameter

from effvit_ros.core.errors import UserError
from effvit_ros.ros.segmenter.alert_topic import AlertTopic


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
