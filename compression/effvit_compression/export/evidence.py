"""What a network knows a class from: hands, other networks' guesses, or a simulation alone."""
from __future__ import annotations

from typing import Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence

import numpy as np

from effvit_compression.data.answers import Answers
from effvit_compression.data.mixture import hand_labelled
from effvit_compression.data.pictures import Pictures
from effvit_ros.core.bundle import GUESSES, HAND, SIMULATION
from effvit_ros.core.classes import ClassSet

#: Share of a set's pixels from which on teachers have shown a class.
SHOWN = 1e-3
#: Pictures of a set whose answers are looked through.
LOOKED_AT = 40


class Lesson(NamedTuple):
    """
    A set that was learnt from.

    ``guesses``: whether labels that no hand made were learnt. ``answers``: what teachers said.
    """

    pictures: Pictures
    simulated: bool
    guesses: bool
    answers: Optional[Answers]


def evidence(lessons: Iterable[Lesson], unseen: Sequence[dict], classes: ClassSet) -> dict:
    """
    Return for each class ``learnt_from`` (words, the best first) and ``unseen`` (IoU by set).

    :param unseen: entries of a manifest's ``scores`` on views that no training saw.
    """
    sources: Dict[str, List[str]] = {name: [] for name in classes.names}
    for lesson in lessons:
        for word, known in taught_by(lesson, classes).items():
            for name in np.array(classes.names)[known]:
                sources[str(name)].append(word)
    order = [HAND, GUESSES, SIMULATION]
    return {name: {'learnt_from': [word for word in order if word in words],
                   'unseen': {entry['data']: entry['iou'][name]
                              for entry in unseen if name in entry['iou']}}
            for name, words in sources.items()}


def inherited(before: Mapping[str, dict], scores: Iterable[dict], trained_on: Sequence[str],
              ) -> dict:
    """
    Return the evidence of a network that another bundle flies, too, with scores of its own.

    :param before: that bundle's evidence.
    :param scores: entries of the manifest's ``scores``; those on val sets of ``trained_on`` are
        no unseen views.
    """
    unseen = [entry for entry in scores if entry['data'].rpartition('/')[0] not in trained_on]
    return {name: {'learnt_from': list(entry['learnt_from']),
                   'unseen': {found['data']: found['iou'][name]
                              for found in unseen if name in found['iou']}}
            for name, entry in before.items()}


def taught_by(lesson: Lesson, classes: ClassSet) -> Dict[str, np.ndarray]:
    """Return which classes (classes,) bool a set teaches, by the word for who labelled them."""
    present = lesson.pictures.pixels.sum(axis=0) > 0
    if lesson.simulated:
        return {SIMULATION: present}
    by_hand = hand_labelled(lesson.pictures.description.trusted, classes)
    if not by_hand.any():
        by_hand = np.ones(len(classes), bool)
    guessed = present & ~by_hand & lesson.guesses
    if lesson.answers is not None:
        count = min(LOOKED_AT, len(lesson.pictures))
        said = np.mean([lesson.answers[index * len(lesson.pictures) // count].mean(axis=(0, 1))
                        for index in range(count)], axis=0)
        guessed = guessed | (said > SHOWN)
    return {HAND: present & by_hand, GUESSES: guessed}
