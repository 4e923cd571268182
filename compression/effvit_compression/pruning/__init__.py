"""Structured pruning of transformers: whole heads and whole neurons go, shapes shrink."""
from effvit_compression import torch_env  # noqa: F401  (before timm)
