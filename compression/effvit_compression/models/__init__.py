"""Networks: built from an architecture, stored as safetensors beside it."""
from effvit_compression import torch_env  # noqa: F401  (before timm and smp)
