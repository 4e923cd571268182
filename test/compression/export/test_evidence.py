"""What a class was learnt from, as the manifest, the card and label_info say."""
from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from effvit_compression.export.bundle import evidence_section
from effvit_compression.export.evidence import evidence, inherited, Lesson
from effvit_ros.core.bundle import GUESSES, HAND, SIMULATION
from effvit_ros.core.classes import lpcv_classes

WATER, FIRE, ROAD = 'flood/water/river/sea', 'fire/flare', 'road/railway/bridge'


class Shown:
    """Two pictures that show some classes; a hand labelled all of them, or some."""

    def __init__(self, *names, trusted=()):
        self.pixels = np.zeros((2, 14), np.int64)
        self.pixels[:, [lpcv_classes().index(name) for name in names]] = 100
        self.description = SimpleNamespace(trusted=trusted)

    def __len__(self):
        return 2


def said(**shares):
    """Return answers that give classes, by number, a share of each picture."""
    answer = np.zeros((4, 4, 14), np.float32)
    for number, share in shares.items():
        answer[..., int(number[1:])] = share
    return [answer, answer]


def words(name, *lessons):
    """Return what a class was learnt from."""
    return evidence(lessons, (), lpcv_classes())[name]['learnt_from']


@pytest.mark.parametrize('name, lesson, expected', [
    pytest.param(WATER, Lesson(Shown(WATER), False, True, None), [HAND], id='all by hand'),
    pytest.param(FIRE, Lesson(Shown(FIRE), True, True, None), [SIMULATION], id='rendered'),
    pytest.param(ROAD, Lesson(Shown(WATER, ROAD, trusted=[WATER]), False, True, None), [GUESSES],
                 id='labels that no hand made'),
    pytest.param(ROAD, Lesson(Shown(WATER, ROAD, trusted=[WATER]), False, False, None), [],
                 id='and that are not learnt'),
    pytest.param(ROAD, Lesson(Shown(WATER, trusted=[WATER]), False, False, said(c12=0.1)),
                 [GUESSES], id='a teacher saw it'),
    pytest.param(FIRE, Lesson(Shown(WATER, trusted=[WATER]), False, False, said(c6=0.0005)), [],
                 id='a teacher saw next to none'),
    pytest.param('person', Lesson(Shown(WATER), False, True, None), [], id='nowhere'),
])
def test_what_a_class_was_learnt_from(name, lesson, expected):
    assert words(name, lesson) == expected


def test_the_best_comes_first_and_each_once():
    lessons = [Lesson(Shown(WATER), True, True, None), Lesson(Shown(WATER), False, True, None),
               Lesson(Shown(WATER), False, True, None)]
    assert words(WATER, *lessons) == [HAND, SIMULATION]


def test_scores_of_unseen_views_stand_by_their_classes():
    unseen = [{'data': 'hill/val', 'iou': {WATER: 0.5, 'background': 0.9}}]
    found = evidence([Lesson(Shown(WATER), False, True, None)], unseen, lpcv_classes())
    assert found[WATER] == {'learnt_from': [HAND], 'unseen': {'hill/val': 0.5}}
    assert found[FIRE] == {'learnt_from': [], 'unseen': {}}
    card = '\n'.join(evidence_section(found))
    assert f'| {WATER} | hand labels | hill/val 0.50 |' in card
    assert f'| {FIRE} | nothing | not measured |' in card
    assert evidence_section({}) == []


def test_another_bundle_of_a_network_has_its_words_and_scores_of_its_own():
    before = {WATER: {'learnt_from': [HAND], 'unseen': {'hill/val': 0.5}},
              FIRE: {'learnt_from': [SIMULATION], 'unseen': {}}}
    scores = [{'data': 'hill/val', 'iou': {WATER: 0.4}}, {'data': 'lake/val', 'iou': {WATER: 0.9}}]
    assert inherited(before, scores, trained_on=['lake']) == {
        WATER: {'learnt_from': [HAND], 'unseen': {'hill/val': 0.4}},
        FIRE: {'learnt_from': [SIMULATION], 'unseen': {}}}
