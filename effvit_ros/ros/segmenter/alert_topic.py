"""The topic ``~/alerts``: the rules of the parameter ``alerts``, applied picture by picture."""
from __future__ import annotations

import threading

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rcl_interfaces.msg import SetParametersResult

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

    def __init__(self, node, publisher):
        """Take rules from the parameter ``alerts`` of ``node``, which must be declared."""
        self._node = node
        self._publisher = publisher
        self._lock = threading.Lock()
        self._present = None
        self._simulated = ()
        self._bound = self._monitor = self._header = None
        node.add_on_set_parameters_callback(self._check_change)

    def wanted(self):
        """Return whether somebody subscribes."""
        return self._publisher.get_subscription_count() > 0

    def check(self, class_names):
        """
        Check the rules against a model that is about to be loaded; called on its thread.

        :raises UserError: a rule names a class that the model does not have.
        """
        alert_rules(self._rules_text(), class_names)

    def introduce(self, class_names, simulated=()):
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

    def update(self, areas, class_names, header):
        """
        Take in a picture: the share of each class, and the picture's header.

        A change of the rules or of the model takes effect here.
        """
        with self._lock:
            wanted = self._rules_text(), class_names, self._simulated
            if wanted != self._bound:
                self._bind(*wanted)
            stamp = header.stamp
            self._header = header
            self._publish(
                self._monitor.update(areas, stamp.sec * 1_000_000_000 + stamp.nanosec))

    def repeat(self):
        """Tell again what is raised, under the last picture's header."""
        with self._lock:
            if self._monitor is not None:
                self._publish(self._monitor.standing())

    def reset(self):
        """Tell, under the last picture's header, that what is raised is watched no longer."""
        with self._lock:
            if self._monitor is not None:
                self._publish(self._monitor.reset())

    def close(self):
        """Let go of the node; its publisher belongs to somebody else."""
        self._node.remove_on_set_parameters_callback(self._check_change)

    def _rules_text(self):
        return self._node.get_parameter('alerts').value

    def _bind(self, text, class_names, simulated):
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

    def _check_change(self, changes):
        for change in changes:
            if change.name == 'alerts' and self._present is not None:
                try:
                    alert_rules(change.value, self._present)
                except UserError as error:
                    return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _publish(self, alerts):
        if alerts:
            self._publisher.publish(alerts_message(alerts, self._header))


def alerts_message(alerts, header):
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


def _values(alert):
    values = [KeyValue(key='share', value=f'{alert.share:.4f}')]
    if alert.place is not None:
        values += [KeyValue(key='latitude', value=f'{alert.place.latitude:.7f}'),
                   KeyValue(key='longitude', value=f'{alert.place.longitude:.7f}'),
                   KeyValue(key='uncertainty_m', value=f'{alert.place.uncertainty_m:.1f}')]
    return values


def alerts_in(message):
    """Return the :class:`~effvit_ros.core.alerts.Alert` of each status of such a message."""
    return tuple(_alert_in(status) for status in message.status)


def _alert_in(status):
    values = {v.key: v.value for v in status.values}
    place = None
    if all(name in values for name in Place._fields):
        place = Place(*(float(values[name]) for name in Place._fields))
        place = place if place.on_earth else None
    return Alert(status.name, status.message, float(values.get('share', 0.0)), place,
                 status.hardware_id if place is not None else '')
