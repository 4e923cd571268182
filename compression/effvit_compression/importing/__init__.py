"""Networks of other frameworks as bundles."""
from effvit_compression import torch_env  # noqa: F401  (before timm, smp and torchvision)
