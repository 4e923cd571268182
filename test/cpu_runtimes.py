"""The CPU runtimes as test parameters; one that is not installed skips."""
from __future__ import annotations

from importlib.util import find_spec

import pytest

from effvit_ros.core.runtimes import CPU_ORDER

needs_openvino = pytest.mark.skipif(
    find_spec('openvino') is None, reason='OpenVINO is not installed: pip install openvino')
RUNTIMES = [pytest.param('openvino', marks=needs_openvino), 'onnxruntime']
#: Those that are, in the order in which ``auto`` tries them.
INSTALLED = [name for name in CPU_ORDER if find_spec(name) is not None]
