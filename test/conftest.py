"""
Fixtures for the whole suite, and what is left out of it.

`colcon test` on a robot has package.xml's dependencies alone: a file whose libraries are missing
is skipped and says which. `make test` sets EFFVIT_ALL_LIBRARIES, so that there none may be.
Slow and long tests run when they are asked for: by -m, or by naming their file.
"""
from __future__ import annotations

import atexit
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import pytest

from effvit_ros.ros.common.dds import dds_environment

HERE = Path(__file__).parent
# Test helpers are imported by their file name.
sys.path.insert(0, str(HERE))

# A shell's background job ignores Ctrl-C, and what the tests start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config):
    """Leave slow and long tests out of a run that asks for no tests in particular."""
    named = any(str(argument).split('::')[0].endswith('.py') for argument in config.args)
    if not config.option.markexpr and not named:
        config.option.markexpr = 'not slow and not long'
    _let_participants_find_each_other_soon()


def _let_participants_find_each_other_soon():
    """
    Take the shipped Fast DDS profile with ten times as many announcements, for all processes.

    By default a participant that comes late is found with the next one, up to 3 s later: most of
    what tests with real nodes waited for.
    """
    folder = Path(tempfile.mkdtemp(prefix='effvit_dds_'))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for name, shipped in dds_environment().items():
        profile = Path(shipped).read_text(encoding='utf-8')
        end = '</rtps>'
        assert end in profile
        path = folder / 'profile.xml'
        path.write_text(profile.replace(end, (
            '<builtin><discovery_config><leaseAnnouncement><sec>0</sec>'
            '<nanosec>300000000</nanosec></leaseAnnouncement></discovery_config></builtin>'
            + end)), encoding='utf-8')
        os.environ[name] = str(path)


class Module(pytest.Module):
    """A file of tests, skipped where a library that it needs is not installed."""

    def _getobj(self):
        try:
            return super()._getobj()
        except self.CollectError as error:
            missing = getattr(error.__cause__, 'name', None)
            if os.environ.get('EFFVIT_ALL_LIBRARIES') or not _is_a_library(missing):
                raise
            pytest.skip(f'needs {missing}, which is not installed', allow_module_level=True)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Skip a test that lacks a library, itself or in the code that it runs."""
    report = (yield).get_result()
    error = call.excinfo and call.excinfo.value
    if isinstance(error, ModuleNotFoundError) and _is_a_library(error.name) \
            and not os.environ.get('EFFVIT_ALL_LIBRARIES'):
        report.outcome = 'skipped'
        report.longrepr = str(item.fspath), 0, f'needs {error.name}, which is not installed'


def _is_a_library(name):
    """Return whether a module that was not found is somebody else's."""
    top = (name or 'effvit_ros').split('.')[0]
    return top != 'effvit_ros' and not list(HERE.rglob(f'{top}.py'))


if hasattr(pytest, 'version_tuple'):
    def pytest_pycollect_makemodule(module_path, parent):
        """Collect a file."""
        return Module.from_parent(parent, path=module_path)
else:  # pytest 6, Ubuntu 22.04's
    def pytest_pycollect_makemodule(path, parent):
        """Collect a file."""
        return Module.from_parent(parent, fspath=path)


@pytest.fixture(scope='session')
def tiny_bundle(tmp_path_factory):
    """Return the folder of a small real bundle; not to be changed."""
    pytest.importorskip('onnx', reason='needs onnx, which is not installed')
    from tiny_bundle import write_tiny_bundle
    return write_tiny_bundle(tmp_path_factory.mktemp('bundle') / 'tiny')
