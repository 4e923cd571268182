"""From a bundle and a few labelled pictures of a new view to a better bundle, in minutes."""
from effvit_compression import torch_env  # noqa: F401  (before timm and smp)
