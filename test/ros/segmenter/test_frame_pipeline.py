"""What a frame's pipeline refuses to load."""
from __future__ import annotations

import pytest
import yaml
from tiny_bundle import write_manifest, write_tiny_bundle

from effvit_ros.core.bundle import load_bundle, MANIFEST, resolve_model
from effvit_ros.core.errors import UserError
from effvit_ros.ros.segmenter.parameters import SEGMENTER_PARAMETERS
from effvit_ros.ros.segmenter.pipeline import check_classes

DEFAULTS = {row.name: row.default for row in SEGMENTER_PARAMETERS}


@pytest.fixture
def strange(tmp_path):
    """Write a bundle of other classes than the shipped ones."""
    write_tiny_bundle(tmp_path)
    manifest = yaml.safe_load((tmp_path / MANIFEST).read_text(encoding='utf-8'))
    write_manifest(tmp_path, {**manifest, 'name': 'farm'})
    return tmp_path


def test_low_power_takes_the_cheapest_shipped_bundle_by_itself():
    nano = load_bundle(resolve_model(DEFAULTS['low_power_model']))
    assert nano.name == 'mobilevit_nano_lpcv'
    assert nano.width < load_bundle(resolve_model('')).width
    check_classes(nano, {**DEFAULTS, 'low_power': True})


def test_ids_never_change_their_meaning_for_low_power(strange):
    nano = load_bundle(resolve_model(DEFAULTS['low_power_model']))
    settings = {**DEFAULTS, 'model': str(strange), 'low_power': True}
    with pytest.raises(UserError, match=r"low_power_model 'mobilevit_nano_lpcv' tells other "
                                        r"classes apart than farm: give .*, or '' to keep"):
        check_classes(nano, settings)


@pytest.mark.parametrize('changed', [{'low_power': False}, {'low_power_model': ''}],
                         ids=['power is full', 'the model is kept'])
def test_a_model_of_other_classes_flies_without_one_for_low_power(strange, changed):
    settings = {**DEFAULTS, 'model': str(strange), 'low_power': True, **changed}
    check_classes(load_bundle(strange), settings)
