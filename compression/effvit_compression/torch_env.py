"""
Make torch usable as installed; import this before timm, smp, lightning or torchmetrics.

A CUDA build of torchvision with a CPU build of torch fails on import, because the operators
``nms`` and ``qnms`` that it decorates are not registered. Declaring them first cures that.
"""
from __future__ import annotations

import torch

#: Kept alive: the declarations vanish with the library object.
_declared = None

if torch.version.cuda is None and not hasattr(torch.ops.torchvision, 'nms'):
    _declared = torch.library.Library('torchvision', 'DEF')
    for _name in ('nms', 'qnms'):
        _declared.define(f'{_name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')
