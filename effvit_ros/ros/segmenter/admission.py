"""Which frames are let in: the operator's rates and, below them, the governor's."""
from __future__ import annotations

import os
import time
from typing import Optional, Tuple

from rclpy.impl.rcutils_logger import RcutilsLogger

from effvit_ros.core.governor import Ceilings, Governor, Load
from effvit_ros.core.thermal import ThermalMonitor
from effvit_ros.ros.common.parameters import Parameters
from effvit_ros.ros.health.health import Health
from effvit_ros.ros.health.level import WARN
from effvit_ros.ros.segmenter.rate_limit import RateLimit


def operators_rate(settings: Parameters) -> Tuple[float, str]:
    """Return the lowest rate that the parameters ask for and its parameter; (0.0, '') for none."""
    rates = [(settings['max_rate'], 'max_rate'), (settings['target_rate_hz'], 'target_rate_hz')]
    if settings['low_power']:
        rates.append((settings['low_power_rate'], 'low_power_rate'))
    return min((rate for rate in rates if rate[0] > 0), default=(0.0, ''))


def target_rate(settings: Parameters) -> float:
    """Return the rate that the node shall reach, 0.0 for none: lower limits lower it."""
    return operators_rate(settings)[0] if settings['target_rate_hz'] else 0.0


class Admission:
    """Lets frames in evenly, at the rate that the parameters and the machine allow."""

    def __init__(self, settings: Parameters, health: Health, logger: RcutilsLogger) -> None:
        """
        Start without the governor's limit.

        :param settings: mapping with the node's parameters.
        """
        self._settings = settings
        self._health = health
        self._log = logger
        self._limit = RateLimit()
        self._governor = Governor()
        self._thermal = ThermalMonitor()
        self._no_sensor_told = False
        self._rest()

    def admits(self, now: float) -> bool:
        """Return whether the frame that came at ``now``, seconds of a steady clock, may pass."""
        self._came += 1
        admitted = self._limit.admits(now, self._rate()[0])
        self._admitted += admitted
        return admitted

    def displaced(self) -> None:
        """Note that an admitted frame was dropped for a newer one."""
        self._admitted -= 1

    def look(self, loading: bool) -> None:
        """
        Take one step of the governor; to be called once a second while frames are wanted.

        :param loading: whether a model is being loaded: CPU time that no rate can save.
        """
        now, cpu = time.monotonic(), time.process_time()
        seconds, used = now - self._looked, cpu - self._cpu
        ceilings = self._settings.read(Ceilings)
        if not loading:
            wanted = self._came / seconds
            rate, _ = operators_rate(self._settings)
            self._governor.step(Load(
                cpu_percent=100 * used / seconds / (os.cpu_count() or 1),
                celsius=self._celsius(ceilings.max_temperature),
                wanted_hz=min(wanted, rate) if rate else wanted,
                done_hz=self._admitted / seconds), ceilings)
        self._rest()
        self._tell()

    def reset(self) -> None:
        """Begin again, without the governor's limit: the node starts or stops to work."""
        self._governor = Governor()
        self._rest()
        self._health.clear_finding('governor')
        self._health.set_facts(admitted_hz=None, limited_by=None)

    def _rest(self) -> None:
        """Begin a new second."""
        self._looked, self._cpu = time.monotonic(), time.process_time()
        self._came = self._admitted = 0

    def _rate(self) -> Tuple[float, str]:
        """Return the present rate, 0.0 for as many as come, and what it is for."""
        rate, reason = operators_rate(self._settings)
        governed = self._governor.rate_hz
        if governed is not None and (not rate or governed < rate):
            return governed, self._governor.reason
        return rate, reason

    def _celsius(self, ceiling: float) -> Optional[float]:
        if not ceiling:
            return None
        celsius = self._thermal.read().celsius
        if celsius is None and not self._no_sensor_told:
            self._no_sensor_told = True
            self._log.warning('max_temperature has no effect: this machine shows no temperature')
        return celsius

    def _tell(self) -> None:
        rate, reason = self._rate()
        self._health.set_facts(admitted_hz=f'{rate:.1f}' if rate else 'all', limited_by=reason)
        if reason.startswith('max_temperature'):
            # A CPU limit that holds is as the operator wants it; heat is not.
            self._health.set_finding(
                'governor', WARN, f'slowed to {rate:.1f} frames/s for {reason}')
        else:
            self._health.clear_finding('governor')
