"""The topic ``~/alerts``: the rules of the parameter ``alerts``, applied picture by picture."""
from __future__ import annotations

import threading
from typing import Iterable, List, Optional, Sequence, Tuple

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rcl_interfaces.msg import SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.publisher import Publisher
from std_msgs.msg import Header

from effvit_ros.core.alerts import (
    Alert,
    alert_rules,
    AlertMonitor,
    AUTO,
    CLEARED,
    Place,
    RAISED,
    UNKNOWN,
)
from effvit_ros.core.classes import are_lpcv
from effvit_ros.core.errors import UserError

_LEVELS = {RAISED: DiagnosticStatus.WARN, CLEARED: DiagnosticStatus.OK,
           UNKNOWN: DiagnosticStatus.STALE}


class AlertTopic:
    """
    Publishes an alert when it is raised, cleared or no longer watched; else on :meth:`repeat`.

    Made and reset in the executor's thread, updated in the inference thread.
    """

    def __init__(self, node: Node, publisher: Publisher) -> None:
        """Take rules from the parameter ``alerts`` of ``node``, which must be declared."""
        self._node = node
        self._publisher = publisher
        self._lock = threading.Lock()
        self._present: Optional[Sequence[str]] = None
        self._simulated: Sequence[str] = ()
        self._bound: Optional[Tuple[str, Sequence[str], Sequence[str]]] = None
        self._monitor: Optional[AlertMonitor] = None
        self._header: Optional[Header] = None
        node.add_on_set_parameters_callback(self._check_change)

    def wanted(self) -> bool:
        """Return whether somebody subscribes."""
        return self._publisher.get_subscription_count() > 0

    def check(self, class_names: Sequence[str]) -> None:
        """
        Check the rules against a model that is about to be loaded; called on its thread.

        :raises UserError: a rule names a class that the model does not have.
        """
        alert_rules(self._rules_text(), class_names)

    def introduce(self, class_names: Sequence[str], simulated: Sequence[str] = ()) -> None:
        """
        Refuse, from now on, new rules that this model lacks classes for.

        :param simulated: classes that it knows from a simulation alone; ``auto`` leaves them out.
        """
        self._present = class_names
        self._simulated = simulated
        if self._rules_text().strip() == AUTO and not are_lpcv(class_names):
            rules = alert_rules(AUTO, class_names, simulated)
            watched = ', '.join(rule.name for rule in rules)
            self._node.get_logger().info(
                "alerts: auto is made for LPCV's classes, this model has others: "
                + (f'it watches {watched} alone' if watched else 'it watches nothing')
                + '; name rules for its classes')

    def update(self, areas: Sequence[float], class_names: Sequence[str], header: Header) -> None:
        """
        Take in a picture: the share of each class, and the picture's header.

        A change of the rules or of the model takes effect here.
        """
        with self._lock:
            wanted = self._rules_text(), class_names, self._simulated
            monitor = self._monitor
            if monitor is None or wanted != self._bound:
                monitor = self._bind(*wanted)
            stamp = header.stamp
            self._header = header
            self._publish(
                monitor.update(areas, stamp.sec * 1_000_000_000 + stamp.nanosec))

    def repeat(self) -> None:
        """Tell again what is raised, under the last picture's header."""
        with self._lock:
            if self._monitor is not None:
                self._publish(self._monitor.standing())

    def reset(self) -> None:
        """Tell, under the last picture's header, that what is raised is watched no longer."""
        with self._lock:
            if self._monitor is not None:
                self._publish(self._monitor.reset())

    def close(self) -> None:
        """Let go of the node; its publisher belongs to somebody else."""
        self._node.remove_on_set_parameters_callback(self._check_change)

    def _rules_text(self) -> str:
        return self._node.get_parameter('alerts').value

    def _bind(self, text: str, class_names: Sequence[str],
              simulated: Sequence[str]) -> AlertMonitor:
        if self._monitor is not None:
            self._publish(self._monitor.reset())
        try:
            rules = alert_rules(text, class_names, simulated)
        except UserError as error:
            # Checked before; only rules that were set while another model loaded lead here.
            self._node.get_logger().error(f'no alerts with this model: {error}')
            rules = ()
        self._monitor = AlertMonitor(rules, class_names)
        self._bound = text, class_names, simulated
        return self._monitor

    def _check_change(self, changes: List[Parameter]) -> SetParametersResult:
        for change in changes:
            if change.name == 'alerts' and self._present is not None:
                try:
                    alert_rules(change.value, self._present)
                except UserError as error:
                    return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _publish(self, alerts: Sequence[Alert]) -> None:
        if alerts:
            self._publisher.publish(alerts_message(alerts, self._header))


def alerts_message(alerts: Iterable[Alert], header: Header) -> DiagnosticArray:
    """
    Return a DiagnosticArray under the picture's header with one status for each alert.

    ``name`` is the alert's, ``message`` is ``raised`` (level WARN), ``cleared`` (OK) or
    ``unknown`` (STALE); the value ``share`` is 0..1. An alert with a place has ``latitude``,
    ``longitude`` and ``uncertainty_m``, too, and its id as ``hardware_id``.
    """
    return DiagnosticArray(header=header, status=[
        DiagnosticStatus(
            level=_LEVELS[alert.state], name=alert.name, message=alert.state,
            hardware_id=alert.id, values=_values(alert))
        for alert in alerts])


def _values(alert: Alert) -> List[KeyValue]:
    values = [KeyValue(key='share', value=f'{alert.share:.4f}')]
    if alert.place is not None:
        values += [KeyValue(key='latitude', value=f'{alert.place.latitude:.7f}'),
                   KeyValue(key='longitude', value=f'{alert.place.longitude:.7f}'),
                   KeyValue(key='uncertainty_m', value=f'{alert.place.uncertainty_m:.1f}')]
    return values


def alerts_in(message: DiagnosticArray) -> Tuple[Alert, ...]:
    """Return the :class:`~effvit_ros.core.alerts.Alert` of each status of such a message."""
    return tuple(_alert_in(status) for status in message.status)


def _alert_in(status: DiagnosticStatus) -> Alert:
    values = {v.key: v.value for v in status.values}
    place = None
    if all(name in values for name in Place._fields):
        place = Place(*(float(values[name]) for name in Place._fields))
        place = place if place.on_earth else None
    return Alert(status.name, status.message, float(values.get('share', 0.0)), place,
                 status.hardware_id if place is not None else '')
