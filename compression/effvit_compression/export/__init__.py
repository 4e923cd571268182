"""From a trained network to the bundle that the drone loads."""
from effvit_compression import torch_env  # noqa: F401  (before timm and smp)
