"""Stand-ins for ``launch`` and ``launch_ros``, which have no wheels: they keep what they get."""
from __future__ import annotations

import importlib.util
import sys
from types import ModuleType, SimpleNamespace

from live_ros import ROOT


class Recorded:
    """Any action, description or value: its arguments."""

    def __init__(self, *args, **kwargs):
        self.args = args
        self.kwargs = kwargs


def _module(name):
    module = ModuleType(name)
    module.__path__ = []
    classes = {}

    def __getattr__(attribute):
        if attribute.startswith('__'):
            raise AttributeError(attribute)
        return classes.setdefault(attribute, type(attribute, (Recorded,), {}))
    module.__getattr__ = __getattr__
    return module


def load(monkeypatch, name):
    """Execute ``launch/NAME`` against stand-ins; returns the list of its actions."""
    for module in ('launch', 'launch.actions', 'launch.substitutions', 'launch.conditions',
                   'launch.event_handlers', 'launch_ros', 'launch_ros.actions',
                   'launch_ros.parameter_descriptions', 'launch_ros.substitutions'):
        monkeypatch.setitem(sys.modules, module, _module(module))
    spec = importlib.util.spec_from_file_location('under_test', ROOT / 'launch' / name)
    under_test = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(under_test)
    return under_test.generate_launch_description().args[0]


def of_kind(actions, kind):
    """Return the actions whose class is named ``kind``."""
    return [action for action in actions if type(action).__name__ == kind]


def arguments(actions):
    """Return the declared arguments: name -> its keywords."""
    return {a.args[0]: a.kwargs for a in of_kind(actions, 'DeclareLaunchArgument')}


def run(actions, **given):
    """Return what the OpaqueFunctions start when launched with these arguments."""
    unknown = set(given) - set(arguments(actions))
    assert not unknown, f'no such arguments: {unknown}'
    context = SimpleNamespace(launch_configurations=dict(given))
    started = []
    for action in actions:
        if type(action).__name__ == 'DeclareLaunchArgument':
            context.launch_configurations.setdefault(
                action.args[0], action.kwargs['default_value'])
        elif type(action).__name__ == 'OpaqueFunction':
            started += action.kwargs['function'](context) or []
    return started
