"""On how many devices a training runs, by Lightning Fabric."""
from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from typing import Sequence, Union

import torch
from lightning_fabric import Fabric
from lightning_fabric.loggers import Logger
from lightning_fabric.strategies import DDPStrategy
from lightning_fabric.utilities.exceptions import MisconfigurationException
from torch import distributed

from effvit_compression import ranks
from effvit_compression.training.settings import Precision
from effvit_ros.core.errors import UserError

#: How long processes wait for rank 0, which scores and exports alone. A dead one is noticed by
#: who started them, long before.
PATIENCE = timedelta(days=1)


@dataclass(frozen=True)
class Devices:
    """As Fabric names them; under ``torchrun`` its numbers count."""

    accelerator: str = 'auto'
    devices: Union[int, str] = 1  # or auto: every GPU, else one process
    nodes: int = 1

    @property
    def per_node(self) -> int:
        """Processes on each machine."""
        if self.devices != 'auto':
            return int(self.devices)
        return max(1, torch.cuda.device_count()) if self.accelerator != 'cpu' else 1

    @property
    def several(self) -> bool:
        """Whether there is more than one process."""
        return self.per_node * self.nodes > 1


def by_environment(accelerator: str, devices: str, nodes: int) -> Devices:
    """
    Return what the command's options and ``torchrun`` ask for; '' and 0 where nothing is said.

    :raises UserError: no number, or another one than torchrun's.
    """
    if devices not in ('', 'auto') and not (devices.isdigit() and int(devices)):
        raise UserError(f'--devices {devices}: give a number or auto')
    if nodes < 0:
        raise UserError(f'--nodes {nodes}: give 1 or more')
    if not distributed.is_torchelastic_launched():
        return Devices(accelerator, devices or 1, nodes or 1)
    world, local = int(os.environ['WORLD_SIZE']), int(os.environ['LOCAL_WORLD_SIZE'])
    if devices not in ('', 'auto', str(local)):
        raise UserError(f'--devices {devices}: torchrun started {local} on this machine: leave '
                        'it out, or give torchrun --nproc-per-node')
    if nodes not in (0, world // local):
        raise UserError(f'--nodes {nodes}: torchrun started {world // local}: leave it out, or '
                        'give torchrun --nnodes')
    return Devices(accelerator, local, world // local)


def fabric_on(devices: Devices, precision: Precision = '32-true',
              loggers: Sequence[Logger] = ()) -> Fabric:
    """
    Build and launch a Fabric: DDP with several processes, otherwise one plain device.

    The first call of a process may start the others (where torchrun has not).

    :raises UserError: there are no such devices here, or they don't have the precision.
    """
    # A rank whose crops no teacher judges has adapters without a gradient in that step.
    ddp = DDPStrategy(timeout=PATIENCE, find_unused_parameters=True)
    try:
        fabric = Fabric(accelerator=devices.accelerator, devices=devices.per_node,
                        num_nodes=devices.nodes, strategy=ddp if devices.several else 'auto',
                        precision=precision, loggers=list(loggers))
        if precision == '16-mixed' and fabric.device.type == 'cpu':
            ranks.refuse('training.precision: 16-mixed needs a GPU; a CPU has 32-true and '
                         'bf16-mixed')
        fabric.launch()
    except (MisconfigurationException, ValueError, RuntimeError) as error:
        ranks.refuse(f'{describe(devices)}: {" ".join(str(error).split())[:200]}')
    return fabric


def describe(devices: Devices) -> str:
    """Name the options that chose the devices."""
    return (f'--accelerator {devices.accelerator} --devices {devices.devices} '
            f'--nodes {devices.nodes}')
