"""Networks: built from an architecture, stored as safetensors next to it."""
from effvit_compression import torch_env  # noqa: F401  (before timm and smp)
