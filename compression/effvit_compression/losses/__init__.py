"""Losses for segmentation and for distillation."""
from effvit_compression import torch_env  # noqa: F401  (before smp)
