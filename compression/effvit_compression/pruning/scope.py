"""Where pruning may take from: the same from every layer, or more where it hurts less."""
from __future__ import annotations

from typing import List, Sequence

import torch


def by_layer(scores: Sequence[torch.Tensor], counts: Sequence[int]) -> List[torch.Tensor]:
    """Return each layer's indices of its ``count`` highest scores, ascending."""
    return [ranking(layer)[:count].sort().values for layer, count in zip(scores, counts)]


def globally(scores: Sequence[torch.Tensor], counts: Sequence[int]) -> List[torch.Tensor]:
    """
    Return each layer's indices, ascending, as many in all as the counts add up to.

    Every layer keeps its best; the others are the highest scores of all that is left.
    """
    starts = [sum(len(layer) for layer in scores[:index]) for index in range(len(scores))]
    best = [start + int(ranking(layer)[0]) for start, layer in zip(starts, scores)]
    left = torch.cat(list(scores))  # a copy
    left[best] = -torch.inf
    kept = torch.zeros(len(left), dtype=torch.bool)
    kept[best] = True
    kept[ranking(left)[:sum(counts) - len(best)]] = True
    return [part.nonzero()[:, 0] for part in kept.split([len(layer) for layer in scores])]


def ranking(scores: torch.Tensor) -> torch.Tensor:
    """Return indices by falling score; the first of equals comes first."""
    return scores.sort(descending=True, stable=True).indices


SCOPES = {'layer': by_layer, 'global': globally}
