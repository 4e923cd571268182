"""Where a network's time goes: by component of the torch network, or by operator of a graph."""
from __future__ import annotations

import json
import os
import tempfile
import time
from collections import defaultdict
from contextlib import contextmanager
from typing import Dict, Iterator, List

import numpy as np
import onnxruntime
import torch
from timm.layers import Attention, Mlp
from torch import nn

from effvit_compression.models.factory import SegmentationNet

#: What runs outside every named module: normalisation, upsampling.
TAIL = 'tail'


def components(net: SegmentationNet) -> Dict[nn.Module, str]:
    """Name the component of every module that starts one; what is inside belongs to it."""
    names: Dict[nn.Module, str] = {net.decoder: 'decoder', net.head: TAIL}
    for name, module in net.encoder.model.named_children():
        parts = module.named_children() if name == 'blocks' else [('', module)]
        for index, part in parts:
            names[part] = f'encoder {name}{" " * bool(index)}{index}'
    for module in net.encoder.modules():
        if isinstance(module, Attention):
            names.update({module: 'attention core', module.qkv: 'attention projections',
                          module.proj: 'attention projections'})
        elif isinstance(module, Mlp):
            names[module] = 'mlp'
    return names


class Stopwatch:
    """Charges time to the innermost component that is running."""

    def __init__(self) -> None:
        self.seconds: Dict[str, float] = defaultdict(float)
        self._running: List[str] = [TAIL]
        self._since = time.perf_counter()

    def charge(self) -> None:
        """Charge what has passed since the last call."""
        now = time.perf_counter()
        self.seconds[self._running[-1]] += now - self._since
        self._since = now

    def enter(self, name: str) -> None:
        """Start an inner component."""
        self.charge()
        self._running.append(name)

    def leave(self) -> None:
        """Go back to the outer one."""
        self.charge()
        self._running.pop()

    @contextmanager
    def watching(self, net: SegmentationNet) -> Iterator[Stopwatch]:
        """Inside, forward passes of ``net`` are timed."""
        hooks = []
        for module, name in components(net).items():
            hooks.append(module.register_forward_pre_hook(
                lambda module, inputs, name=name: self.enter(name)))
            hooks.append(module.register_forward_hook(
                lambda module, inputs, output: self.leave()))
        try:
            yield self
        finally:
            for hook in hooks:
                hook.remove()


@torch.inference_mode()
def profile_network(net: SegmentationNet, size: int, rounds: int = 5) -> Dict[str, float]:
    """Median milliseconds of each component for one picture of size x size, in torch."""
    image = torch.zeros(1, 3, size, size)
    times: Dict[str, List[float]] = defaultdict(list)
    net(image)
    for _ in range(rounds):
        with Stopwatch().watching(net) as stopwatch:
            net(image)
            stopwatch.charge()
        for name, seconds in stopwatch.seconds.items():
            times[name].append(seconds * 1e3)
    return {name: float(np.median(values)) for name, values in times.items()}


def profile_graph(graph: bytes, rounds: int = 10) -> Dict[str, float]:
    """Mean milliseconds of each kind of operator for one picture, in ONNX Runtime."""
    with tempfile.TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.enable_profiling = True
        options.profile_file_prefix = os.path.join(folder, 'profile')
        session = onnxruntime.InferenceSession(graph, options, ['CPUExecutionProvider'])
        source = session.get_inputs()[0]
        kind = np.uint8 if 'uint8' in source.type else np.float32
        for _ in range(rounds):
            session.run(None, {source.name: np.zeros(source.shape, kind)})
        with open(session.end_profiling(), encoding='utf-8') as file:
            events = json.load(file)
    times: Dict[str, float] = defaultdict(float)
    for event in events:
        if event.get('cat') == 'Node' and event['name'].endswith('_kernel_time'):
            times[event['args']['op_name']] += event['dur'] / 1e3 / rounds
    return dict(times)
