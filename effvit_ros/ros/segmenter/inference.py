"""Keeps one model answering: loads it, watches over it, exchanges it while frames go on."""
from __future__ import annotations

from effvit_ros.core.bundle import DEFAULT_MODEL
from effvit_ros.core.runtimes import why_fallback
from effvit_ros.core.runtimes.policy import EnginePolicy
from effvit_ros.ros.common.spin import stop_requested
from effvit_ros.ros.health.level import ERROR, WARN
from effvit_ros.ros.segmenter.inference_host import InferenceHost
from effvit_ros.ros.segmenter.pipeline import FramePipeline
from effvit_ros.ros.segmenter.watchdog import Watchdog


def wanted_model(settings):
    """Return the model that the parameters ask for: that of low power, ``model``, the default."""
    low_power_model = settings['low_power_model'] if settings['low_power'] else ''
    return low_power_model or settings['model'] or DEFAULT_MODEL


class Inference:
    """
    The inference of a configured node: what it runs on, and what is done when that fails.

    All methods are called on the executor's thread; none but :meth:`wait_loaded`,
    :meth:`drain` and :meth:`stop` wait.
    """

    def __init__(self, node, settings, health, outputs, on_error):
        """
        Begin to load the wanted model.

        :param settings: the node's :class:`~effvit_ros.ros.common.parameters.Parameters`.
        :param outputs: :class:`~effvit_ros.ros.segmenter.outputs.Outputs`, where results go.
        :param on_error: called on the inference thread with what a frame raised.
        """
        self._settings = settings
        self._health = health
        self._outputs = outputs
        self._clock = node.get_clock()
        self._log = node.get_logger()
        self._policy = EnginePolicy(
            settings['engine_build'], self._tell_progress, stop_requested)
        self._model = self._wanted = wanted_model(settings)
        self._host = InferenceHost(self._maker(self._model), on_error)
        self._watchdog = Watchdog(self._host)
        self._tell()

    @property
    def loading(self):
        """Return whether a model is being loaded, which takes CPU time of its own."""
        return self._host.loading

    def wait_loaded(self, timeout):
        """
        Return whether the model is loaded within ``timeout`` seconds, and introduce it.

        :raises Exception: what loading raised, a UserError for a user's mistake.
        """
        if not self._host.wait_made(timeout):
            return False
        if self._host.failure is not None:
            raise self._host.failure
        self._introduce(self._host.processor)
        return True

    def put(self, frame):
        """Hand over the newest frame; returns whether an older one was dropped for it."""
        return self._host.put(frame)

    def drain(self, timeout):
        """Discard the waiting frame and wait for the one in work; False after ``timeout``."""
        return self._host.drain(timeout)

    def stop(self, timeout):
        """Release everything; returns whether all threads ended within ``timeout`` seconds."""
        for source in ('watchdog', 'low_power', 'runtime'):
            self._health.dismiss(source)
        self._health.know(model=None, runtime=None, runtime_description=None, low_power=None,
                          watchdog_rebuilds=None)
        return self._host.stop(timeout)

    def stuck(self, patience):
        """Return whether a frame is in work for more than ``patience`` seconds."""
        return self._host.stuck_for() > patience

    def look_after(self, now):
        """
        Rebuild what is stuck, exchange the model where another one is wanted.

        :param now: seconds of the node's clock.
        :returns: whether something was found that /diagnostics should tell at once.
        :raises InferenceLost: inference does not come back in this process.
        """
        found = self._watch(now)
        self._switch()
        self._tell()
        return found

    def _watch(self, now):
        was_rebuilding = self._watchdog.rebuilding
        found = self._watchdog.look(
            self._settings['watchdog_timeout'], self._maker(self._model))
        if found:
            self._log.error(found)
            self._health.failed(now, 'stuck', 'inference is stuck')
            if self._watchdog.rebuilding:
                self._health.find('watchdog', ERROR, found)
        elif was_rebuilding and not self._watchdog.rebuilding:
            self._log.warning('the runtime was built anew')
            self._introduce(self._host.processor)  # without its GPU it may be another one
            self._health.dismiss('watchdog')
        return bool(found)

    def _switch(self):
        wanted = wanted_model(self._settings)
        if wanted != self._wanted:
            self._wanted = wanted
            self._health.dismiss('low_power')
            if wanted == self._model:
                self._host.discard_successor()
            else:
                self._log.info(f"loading model '{wanted}' while '{self._model}' goes on")
                self._host.prepare(self._maker(wanted))
        finished = self._host.take_over()
        if finished is None:
            return
        self._health.progress('')
        if finished.failure is not None:
            reason = f"'{self._model}' goes on: {finished.failure}"
            self._log.error(reason)
            self._health.find('low_power', WARN, reason)
        else:
            self._model = wanted
            self._introduce(finished.processor)

    def _tell(self):
        asked = 'on' if self._settings['low_power'] else 'off'
        if self._wanted != self._model:
            asked += ', loading' if self._host.loading else ', but its model cannot be loaded'
        self._health.know(low_power=asked, watchdog_rebuilds=self._watchdog.rebuilds)

    def _maker(self, model):
        settings = self._settings
        return lambda: FramePipeline(
            model, settings['runtime'], settings['threads'], self._policy, self._outputs,
            settings, self._health, self._clock)

    def _tell_progress(self, line):
        """Say how far an engine build is; called on the inference thread."""
        self._log.info(line)
        self._health.progress(line)

    def _introduce(self, pipeline):
        """Say what was loaded, in the log, on /diagnostics and on the latched legend."""
        bundle, runtime = pipeline.bundle, pipeline.runtime
        for reason in pipeline.passed_over:
            self._log.info(f'runtime auto passed over: {reason}')
        self._log.info(f'model {bundle.name} ({bundle.width}x{bundle.height}, '
                       f'{len(bundle.classes)} classes) on {runtime.description}')
        if bundle.terms:
            self._log.info(f'terms of {bundle.name}: {bundle.terms}')
        self._health.know(
            model=bundle.name, runtime=runtime.name, runtime_description=runtime.description)
        fallback = why_fallback(runtime.name, pipeline.passed_over)
        if fallback:
            self._health.find('runtime', WARN, fallback)
        else:
            self._health.dismiss('runtime')
        self._outputs.alerts.introduce(bundle.names)
        self._outputs.publish_label_info(bundle, self._clock.now().to_msg())
