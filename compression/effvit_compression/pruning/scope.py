"""Where pruning may take from: the same from every layer, or more where it hurts less."""
from __future__ import annotations

import math
from typing import List, Sequence

import torch

#: Part of its equal share that every layer keeps under a global ranking. Without a floor a few
#: layers are emptied: what is left of them is a bottleneck that no training opens again.
FLOOR = 0.5


def by_layer(scores: Sequence[torch.Tensor], counts: Sequence[int]) -> List[torch.Tensor]:
    """Return each layer's indices of its ``count`` highest scores, ascending."""
    return [ranking(layer)[:count].sort().values for layer, count in zip(scores, counts)]


def globally(scores: Sequence[torch.Tensor], counts: Sequence[int]) -> List[torch.Tensor]:
    """
    Return each layer's indices, ascending, as many in all as the counts add up to.

    A score counts as a multiple of its layer's mean: sums of weights grow with a layer's width,
    which says nothing of what it does. Of its count every layer keeps at least the part
    ``FLOOR``, its best; the others are the highest scores of all that is left.
    """
    scores = [layer / layer.mean().clamp_min(torch.finfo(layer.dtype).tiny) for layer in scores]
    floors = [math.ceil(FLOOR * count) for count in counts]
    starts = [sum(len(layer) for layer in scores[:index]) for index in range(len(scores))]
    best = torch.cat([start + ranking(layer)[:floor]
                      for start, layer, floor in zip(starts, scores, floors)])
    left = torch.cat(scores)
    left[best] = -torch.inf
    kept = torch.zeros(len(left), dtype=torch.bool)
    kept[best] = True
    kept[ranking(left)[:sum(counts) - len(best)]] = True
    return [part.nonzero()[:, 0] for part in kept.split([len(layer) for layer in scores])]


def ranking(scores: torch.Tensor) -> torch.Tensor:
    """Return indices by falling score; the first of equals comes first."""
    return scores.sort(descending=True, stable=True).indices


SCOPES = {'layer': by_layer, 'global': globally}
