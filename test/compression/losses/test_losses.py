"""Losses on numbers worked by hand."""
from __future__ import annotations

import math

import pytest
import torch

from effvit_compression.losses.distillation import (
    channel_wise_loss,
    Distillation,
    DistillationSettings,
    mimic_loss,
    soft_label_loss,
)
from effvit_compression.losses.segmentation import (
    balanced,
    SegmentationLoss,
    SegmentationLossSettings,
)
from effvit_ros.core.errors import UserError

LN2 = math.log(2)


def two_pixels(labels=(0, 1)):
    """Scores of one sure and one undecided pixel between classes 0 and 1; their labels."""
    scores = torch.full((1, 14, 1, 2), -50.0)
    scores[0, 0, 0] = torch.tensor([0.0, 0.0])
    scores[0, 1, 0] = torch.tensor([-50.0, 0.0])
    return scores, torch.tensor([[labels]])


@pytest.mark.parametrize('settings, labels, expected', [
    pytest.param({}, (0, 1), LN2 / 2, id='mean over pixels'),
    pytest.param({}, (0, 255), 0, id='ignored pixels do not count'),
    pytest.param({}, (255, 255), 0, id='nothing labelled is no loss'),
    pytest.param({'hard_pixels': 0.5}, (0, 1), LN2, id='the harder half'),
    pytest.param({'class_weights': {'avalanche': 3.0}}, (0, 1), 3 * LN2 / 2, id='class weight'),
    pytest.param({'cross_entropy': 0.1}, (0, 1), LN2 / 20, id='share'),
])
def test_cross_entropy(settings, labels, expected):
    loss = SegmentationLoss(SegmentationLossSettings(**settings))
    assert loss(*two_pixels(labels))['cross_entropy'].item() == pytest.approx(expected, abs=1e-5)


def test_balance_weighs_rare_classes_more():
    settings = SegmentationLossSettings(balance=0.5, class_weights={'person': 2.0})
    pixels = [0.0] * 14
    pixels[0], pixels[10] = 0.8, 0.2  # background, person
    weights = SegmentationLoss(settings, pixels).class_weights
    # 1 / sqrt(share): 1.118 and 2.236, whose mean over the pixels is 1.342.
    assert weights[0].item() == pytest.approx(0.8333, abs=1e-4)
    assert weights[10].item() == pytest.approx(2 * 1.6667, abs=1e-4)
    assert weights[7].item() == 1  # no pixel of it


def test_full_balance_gives_every_class_the_same_part_of_the_loss():
    weights = balanced(torch.tensor([3.0, 1.0]), 1.0)  # pixels
    assert weights.tolist() == pytest.approx([2 / 3, 2.0])


def test_focal_by_hand():
    loss = SegmentationLoss(SegmentationLossSettings(cross_entropy=0, focal=1))
    # The sure pixel costs nothing, the undecided one (1 - 1/2) ** 2 * ln 2.
    assert loss(*two_pixels())['focal'].item() == pytest.approx(LN2 / 8, rel=1e-4)
    assert loss(*two_pixels((255, 1)))['focal'].item() == pytest.approx(LN2 / 4, rel=1e-4)
    assert loss(*two_pixels((255, 255)))['focal'].item() == 0


def test_dice_of_a_right_answer_is_zero_and_of_a_wrong_one_is_one():
    loss = SegmentationLoss(SegmentationLossSettings(cross_entropy=0, dice=1))
    scores = torch.full((1, 14, 2, 2), -50.0)
    scores[0, 3] = 50
    labels = torch.full((1, 2, 2), 3)
    # Mean over the 14 classes, of which one occurs.
    assert loss(scores, labels)['dice'].item() == pytest.approx(0, abs=1e-4)
    assert loss(scores, labels * 0)['dice'].item() == pytest.approx(1 / 14, abs=1e-4)


def test_switched_off_parts_are_left_out():
    loss = SegmentationLoss(SegmentationLossSettings(focal=1))
    assert set(loss(*two_pixels())) == {'cross_entropy', 'focal'}


def test_soft_labels_by_hand():
    teacher = torch.tensor([LN2, 0.0]).reshape(1, 2, 1, 1)  # 2/3, 1/3
    student = torch.zeros(1, 2, 1, 1)                       # 1/2, 1/2
    expected = 2 / 3 * math.log(4 / 3) + 1 / 3 * math.log(2 / 3)
    assert soft_label_loss(student, teacher, 1.0).item() == pytest.approx(expected, rel=1e-5)
    assert soft_label_loss(student * 2, teacher * 2, 2.0).item() == pytest.approx(
        4 * expected, rel=1e-5)


def test_channel_wise_by_hand():
    teacher = torch.tensor([LN2, 0.0]).reshape(1, 1, 1, 2)  # over the two pixels: 2/3, 1/3
    expected = 2 / 3 * math.log(4 / 3) + 1 / 3 * math.log(2 / 3)
    loss = channel_wise_loss(torch.zeros(1, 1, 1, 2), teacher, 1.0)
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_mimicking_is_zero_for_the_standardised_teacher():
    teacher = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0)) * 7 + 5
    mean, std = teacher.mean((0, 2, 3), keepdim=True), teacher.std((0, 2, 3), keepdim=True)
    assert mimic_loss((teacher - mean) / std, teacher).item() == pytest.approx(0, abs=1e-6)
    assert mimic_loss(torch.zeros_like(teacher), teacher).item() == pytest.approx(1, rel=0.05)


def test_distillation_adapts_channels_of_the_chosen_levels():
    settings = DistillationSettings(soft_labels=1, features=0.5, feature_levels=[2])
    distillation = Distillation(settings, (3, 8, 4), (3, 8, 6))
    student, teacher = torch.zeros(1, 4, 2, 2), torch.zeros(1, 6, 2, 2)
    scores = torch.zeros(1, 14, 2, 2)
    parts = distillation([None, None, student], scores, [None, None, teacher], scores)
    assert set(parts) == {'soft_labels', 'features'} and parts['soft_labels'] == 0
    assert distillation.adapters['2'].weight.shape == (6, 4, 1, 1)


def test_a_map_that_a_network_does_not_have_is_told_before_the_training():
    settings = DistillationSettings(features=1.0, feature_levels=[1])
    with pytest.raises(UserError, match=r'names 1, of which .* it has 2, 3'):
        Distillation(settings, [3, 16, 24, 40], [3, 0, 96, 192])  # a Swin has none at 1/2
