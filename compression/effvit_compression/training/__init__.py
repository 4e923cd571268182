"""The training loop and what it needs: schedule, checkpoints, evaluation."""
from effvit_compression import torch_env  # noqa: F401  (before timm and lightning)
