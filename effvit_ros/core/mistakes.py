"""Errors that cost most: what is called something that it is not."""
from __future__ import annotations

from typing import Dict, NamedTuple, Optional, Sequence

import numpy as np


class Confused(NamedTuple):
    """The costliest pair: ``share`` of all labelled pixels are ``truth`` and called ``called``."""

    truth: str
    called: str
    share: float


def false_alarms(counts: np.ndarray, names: Sequence[str]) -> Dict[str, float]:
    """
    Share of the pixels of other classes that are called a class, by its name.

    :param counts: (classes, classes or more), rows are the truth; a class that is all there is
        is left out.
    """
    counts = np.asarray(counts, float)[:, :len(names)]
    others = counts.sum() - counts.sum(axis=1)
    wrong = counts.sum(axis=0) - np.diag(counts)
    return {name: float(wrong[i] / others[i]) for i, name in enumerate(names) if others[i]}


def costliest(counts: np.ndarray, names: Sequence[str]) -> Optional[Confused]:
    """Return the pair of classes that are mixed up on most pixels; None without an error."""
    wrong = np.array(counts, float)[:, :len(names)]
    whole = wrong.sum()
    np.fill_diagonal(wrong, 0)
    if not wrong.any():
        return None
    truth, called = map(int, np.unravel_index(wrong.argmax(), wrong.shape))
    return Confused(names[truth], names[called], float(wrong[truth, called] / whole))


def mistakes(counts: np.ndarray, names: Sequence[str]) -> dict:
    """Return both as plain values for a report."""
    pair = costliest(counts, names)
    return {'false_alarms': false_alarms(counts, names),
            'costliest_pair': pair and pair._asdict()}


def told(report: dict, classes: Sequence[str]) -> str:
    """
    Put :func:`mistakes` of a report into a line.

    :param classes: those whose false alarms are told, where any pixel is one.
    """
    pair, alarms = report['costliest_pair'], report['false_alarms']
    words = [f'most pixels lost: {pair["truth"]} called {pair["called"]}, {pair["share"]:.2%}'
             if pair else 'no pixel mixed up']
    words += [f'{name} falsely on {alarms[name]:.2%} of the other pixels' for name in classes
              if alarms.get(name)]
    return '; '.join(words)
