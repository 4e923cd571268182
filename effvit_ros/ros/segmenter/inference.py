"""Keeps one model answering: loads it, exchanges it while frames go on, tells when it hangs."""
from __future__ import annotations

import os
import time
from typing import Callable, List, Optional

from rclpy.node import Node

from effvit_ros.core.bundle import DEFAULT_MODEL
from effvit_ros.core.engine_policy import EnginePolicy
from effvit_ros.core.process_usage import starved_threads
from effvit_ros.core.runtimes import why_fallback
from effvit_ros.ros.common.parameters import Parameters
from effvit_ros.ros.common.spin import stop_requested
from effvit_ros.ros.health.health import Health
from effvit_ros.ros.health.level import WARN
from effvit_ros.ros.segmenter.outputs import Outputs
from effvit_ros.ros.segmenter.pipeline import FramePipeline
from effvit_ros.ros.segmenter.worker import NewestFrame, Worker

#: Seconds between two looks above which this process was stopped (a paused container, SIGSTOP,
#: a machine that slept), and its inference is not to blame.
PAUSE_S = 1.5


class InferenceStuck(Exception):
    """Inference does not come back, and only a new process helps: says for how long."""


def wanted_model(settings: Parameters) -> str:
    """Return the model that the parameters ask for: that of low power, ``model``, the default."""
    low_power_model = settings['low_power_model'] if settings['low_power'] else ''
    return low_power_model or settings['model'] or DEFAULT_MODEL


class Inference:
    """
    The inference of a configured node: the model in use and the one that shall follow it.

    All methods are called on the executor's thread; none but :meth:`wait_loaded` and
    :meth:`stop` wait.
    """

    def __init__(self, node: Node, settings: Parameters, health: Health, outputs: Outputs,
                 on_error: Callable[[Exception], None]) -> None:
        """
        Begin to load the wanted model.

        :param settings: the node's :class:`~effvit_ros.ros.common.parameters.Parameters`.
        :param outputs: :class:`~effvit_ros.ros.segmenter.outputs.Outputs`, where results go.
        :param on_error: called on the inference thread with what a frame raised.
        """
        self._settings = settings
        self._health = health
        self._outputs = outputs
        self._on_error = on_error
        self._node = node
        self._log = node.get_logger()
        self._policy = EnginePolicy(
            settings['engine_build'], self._tell_progress, stop_requested)
        #: Where frames are put; see :class:`~effvit_ros.ros.segmenter.worker.NewestFrame`.
        self.frames = NewestFrame()
        self._model = self._wanted = wanted_model(settings)
        self._worker = self._load(self._model)
        self.frames.give_to(self._worker)
        self._successor: Optional[Worker] = None
        self._retired: List[Worker] = []
        self._looked = time.monotonic()
        self._tell()

    @property
    def loading(self) -> bool:
        """Return whether a model is being loaded, which takes CPU time of its own."""
        return not self._worker.wait_loaded() or self._successor is not None

    def wait_loaded(self, timeout: float) -> bool:
        """
        Return whether the first model is loaded within ``timeout`` seconds, and introduce it.

        :raises Exception: what loading raised, a UserError for a user's mistake.
        """
        if not self._worker.wait_loaded(timeout):
            return False
        if self._worker.failure is not None:
            raise self._worker.failure
        self._introduce(self._worker.pipeline)
        return True

    def stop(self, timeout: float) -> bool:
        """Release everything; returns whether all threads ended within ``timeout`` seconds."""
        for source in ('low_power', 'runtime'):
            self._health.clear_finding(source)
        self._health.set_facts(model=None, runtime=None, runtime_description=None,
                               low_power=None)
        self._retire_successor()
        workers = [self._worker, *self._retired]
        deadline = time.monotonic() + timeout
        for worker in workers:
            worker.retire()
        return all([w.join(max(0.0, deadline - time.monotonic())) for w in workers])

    def look_after(self) -> None:
        """
        Exchange the model where another one is wanted.

        :raises InferenceStuck: a frame is in work for more than ``watchdog_timeout`` seconds.
        """
        self._excuse_pause()
        timeout, seconds = self._settings['watchdog_timeout'], self.frames.in_work_for()
        if 0 < timeout < seconds:
            raise InferenceStuck(f'inference is stuck in one frame for {seconds:.1f} s '
                                 f'(watchdog_timeout {timeout:g}){_who_takes_the_cpu()}')
        self._retired = [worker for worker in self._retired if worker.alive]
        self._follow_parameters()
        self._take_over()
        self._tell()

    def _excuse_pause(self) -> None:
        """Take the time in which this process did not run off what its frames have taken."""
        now = time.monotonic()
        unseen, self._looked = now - self._looked, now
        if unseen > PAUSE_S:
            self.frames.excuse(unseen)

    def _follow_parameters(self) -> None:
        """Begin to load the model that the parameters ask for, where it is another one."""
        wanted = wanted_model(self._settings)
        if wanted == self._wanted:
            return
        self._wanted = wanted
        self._health.clear_finding('low_power')
        self._retire_successor()
        if wanted != self._model:
            self._log.info(f"loading model '{wanted}' while '{self._model}' goes on")
            self._successor = self._load(wanted)

    def _take_over(self) -> None:
        """Give the next frame to the successor, once it is loaded."""
        successor = self._successor
        if successor is None or not successor.wait_loaded():
            return
        self._successor = None
        self._health.progress('')
        if successor.failure is not None:
            reason = f"'{self._model}' goes on: {successor.failure}"
            self._log.error(reason)
            self._health.set_finding('low_power', WARN, reason)
            return
        self.frames.give_to(successor)
        self._retired.append(self._worker)
        self._worker, self._model = successor, self._wanted
        self._introduce(successor.pipeline)

    def _retire_successor(self) -> None:
        """Give up the successor; it ends by itself as soon as its loading lets it."""
        if self._successor is not None:
            self._successor.retire()
            self._retired.append(self._successor)
            self._successor = None

    def _tell(self) -> None:
        asked = 'on' if self._settings['low_power'] else 'off'
        if self._wanted != self._model:
            asked += (', loading' if self._successor is not None
                      else ', but its model cannot be loaded')
        self._health.set_facts(low_power=asked)

    def _load(self, model: str) -> Worker:
        settings = self._settings
        return Worker(self.frames, lambda: FramePipeline(
            model, settings['runtime'], settings['threads'], self._policy, self._outputs,
            settings, self._health, self._node), self._on_error)

    def _tell_progress(self, line: str) -> None:
        """Say how far an engine build is; called on the inference thread."""
        self._log.info(line)
        self._health.progress(line)

    def _introduce(self, pipeline: FramePipeline) -> None:
        """Say what was loaded, in the log, on /diagnostics and on the latched legend."""
        bundle, runtime = pipeline.bundle, pipeline.runtime
        for reason in pipeline.passed_over:
            self._log.info(f'runtime auto passed over: {reason}')
        self._log.info(f'model {bundle.name} ({bundle.width}x{bundle.height}, '
                       f'{len(bundle.classes)} classes) on {runtime.description}')
        if bundle.terms:
            self._log.info(f'terms of {bundle.name}: {bundle.terms}')
        self._health.set_facts(
            model=bundle.name, runtime=runtime.name, runtime_description=runtime.description)
        fallback = why_fallback(runtime.name, pipeline.passed_over)
        if fallback:
            self._health.set_finding('runtime', WARN, fallback)
        else:
            self._health.clear_finding('runtime')
        self._outputs.alerts.introduce(bundle.names, bundle.simulated)
        self._outputs.publish_label_info(bundle, self._node.get_clock().now().to_msg())


def _who_takes_the_cpu() -> str:
    """Return what to say where inference is not stuck, but never gets to run; else ''."""
    starved = starved_threads(os.getpid())
    return '' if not starved else (
        f': {starved} of its threads wait for a CPU that another process keeps; real-time '
        'priority (chrt, rtprio) is for one program, or needs a CPU for each')
