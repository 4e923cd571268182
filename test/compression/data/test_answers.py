"""What teachers say: weighted by class, put right by hands, left out where nobody knows."""
from __future__ import annotations

import numpy as np
import pytest
import torch

from effvit_compression.data.answers import Answers, corrected, GRID, mean, Voice
from effvit_compression.data.augment import Augmentation
from effvit_compression.data.description import load_description
from effvit_compression.data.mixture import ELSE, hand_labelled, Mixture, Part, without_guesses
from effvit_compression.data.pictures import Pictures
from effvit_compression.losses.distillation import answer_loss
from effvit_compression.losses.segmentation import (
    exclusion_loss,
    SegmentationLoss,
    SegmentationLossSettings,
)
from effvit_ros.core.classes import lpcv_classes

WATER = np.eye(14, dtype=bool)[7]


@pytest.mark.parametrize('answers, weights, expected', [
    pytest.param([[0.8, 0.2], [0.4, 0.6]], [[1, 1], [1, 1]], [0.6, 0.4], id='plain mean'),
    pytest.param([[0.8, 0.2], [0.4, 0.6]], [[3, 3], [1, 1]], [0.7, 0.3], id='three to one'),
    # class 1 is the first one's alone: 0.6 and 0.2 before they add up to 1
    pytest.param([[0.8, 0.2], [0.4, 0.6]], [[1, 1], [1, 0]], [0.75, 0.25], id='by class'),
    pytest.param([[0.5, 0.5]], [[1, 0]], [1, 0], id='a class that nobody speaks for'),
])
def test_mean_of_teachers(answers, weights, expected):
    found = mean([np.array(a, np.float16) for a in answers],
                 [np.array(w, np.float32) for w in weights])
    assert found == pytest.approx(np.array(expected), abs=1e-3)


def answer(*shares):
    """Return one cell (1, 1, 14) with the shares of background, water and road."""
    cell = np.zeros((1, 1, 14), np.float32)
    cell[0, 0, [0, 7, 12]] = shares
    return cell


@pytest.mark.parametrize('label, by_hand, expected', [
    pytest.param(7, WATER, (0, 1, 0), id='a hand says water'),
    pytest.param(ELSE, WATER, (0.75, 0, 0.25), id='a hand says anything but water'),
    pytest.param(255, WATER, (0.3, 0.6, 0.1), id='unknown'),
    pytest.param(0, ~WATER & WATER, (0.3, 0.6, 0.1), id='all is labelled: learnt beside it'),
])
def test_hands_put_answers_right(label, by_hand, expected):
    found = corrected(answer(0.3, 0.6, 0.1), np.full((4, 4), label, np.uint8), by_hand, ELSE)
    assert found == pytest.approx(answer(*expected), abs=1e-6)


def test_guessed_labels_say_only_what_is_not_there():
    label = np.array([[0, 7, 12, 255]], np.uint8)
    by_hand = hand_labelled(['flood/water/river/sea'], lpcv_classes())
    assert without_guesses(label, by_hand).tolist() == [[ELSE, 7, ELSE, 255]]
    assert without_guesses(label, hand_labelled([], lpcv_classes())) is label


def test_a_batch_brings_answers_and_what_is_excluded(dataset, tmp_path):
    description = load_description(dataset).model_copy(
        update={'trusted': ['flood/water/river/sea']})
    pictures = Pictures(description, 'train')
    said = np.zeros((3, GRID, GRID, 14), np.float16)
    said[..., 0] = 0.25
    said[..., 7] = 0.75
    np.save(tmp_path / 'said.npy', said)
    answers = Answers([Voice(tmp_path / 'said.npy', np.ones(14, np.float32))])
    parts = [Part(pictures, 1.0, guesses=False, answers=answers)]
    batch = Mixture(parts, 64, Augmentation(), {}, 0).batch(0, 4, 32)
    assert batch.answers.shape == (4, 14, 8, 8) and batch.excluded[0].nonzero().tolist() == [[7]]
    assert set(batch.labels.unique().tolist()) <= {7, ELSE, 255}
    coarse = batch.labels[:, 2::4, 2::4]
    assert batch.answers[:, 7][coarse == 7].min() > 0.99
    assert batch.answers[:, 7][coarse == ELSE].max() < 0.01
    assert batch.answers.sum(1).sub(1).abs().max() < 1e-4


def test_exclusion_costs_what_is_given_to_what_is_not_there():
    scores = torch.zeros(1, 4, 1, 2)                     # a quarter each
    where = torch.tensor([[[True, False]]])
    excluded = torch.tensor([[True, True, False, False]])
    # -log(1 - 1/2) on one of two pixels
    assert exclusion_loss(scores, where, excluded).item() == pytest.approx(np.log(2) / 2)


def test_answers_cost_their_divergence_and_nothing_where_there_are_none():
    scores = torch.zeros(1, 2, 1, 2)
    answers = torch.tensor([[[[0.75, 0.0]], [[0.25, 0.0]]]])
    expected = (0.75 * np.log(1.5) + 0.25 * np.log(0.5)) / 2
    assert answer_loss(scores, answers).item() == pytest.approx(expected)


def test_a_false_alarm_costs_extra_on_pixels_that_are_known_to_be_something_else():
    settings = SegmentationLossSettings(false_alarms={'flood/water/river/sea': 2.0})
    scores = torch.zeros(1, 14, 1, 4)
    labels = torch.tensor([[[0, 7, 255, ELSE]]])
    parts = SegmentationLoss(settings)(scores, labels, torch.from_numpy(WATER)[None])
    one = -np.log(1 - 1 / 14)
    assert parts['false_flood/water/river/sea'].item() == pytest.approx(2 * one / 4, rel=1e-4)
    assert parts['exclusion'].item() == pytest.approx(one / 4, rel=1e-4)
    assert parts['cross_entropy'].item() == pytest.approx(np.log(14), rel=1e-4)
