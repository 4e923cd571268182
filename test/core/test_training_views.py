"""Views: a picture's numbers by hand, what is recorded of sets, an alarm that neither flickers."""
from __future__ import annotations

import numpy as np
import pytest
from tiny_bundle import write_manifest, write_tiny_bundle
from yaml import safe_load

from effvit_ros.core.bundle import BundleError, load_bundle
from effvit_ros.core.drift import Drift, LEAST, WINDOW
from effvit_ros.core.errors import UserError
from effvit_ros.core.segmenter import Segmenter
from effvit_ros.core.view import FEATURES, look, read_views, recorded


def numbers(**some):
    """Return a look of zeros but for the features that are given."""
    return np.array([some.get(name, 0.0) for name in FEATURES])


def told(scores, pixels, temperature=1.0):
    """Return a look by name."""
    return dict(zip(FEATURES, look(np.asarray(scores, np.float32), pixels, temperature)))


def grey(value, shape=(32, 32, 3)):
    return np.full(shape, value, np.uint8)


def test_confidence_is_the_mean_softmax_of_the_winners():
    scores = np.zeros((2, 8, 8))
    scores[1] = np.log(3)  # 3 to 1
    assert told(scores, grey(0))['confidence'] == pytest.approx(0.75)
    assert told(scores, grey(0), temperature=2.0)['confidence'] == pytest.approx(
        3 ** 0.5 / (1 + 3 ** 0.5))


def test_borders_are_counted_both_ways_between_sampled_points():
    scores = np.zeros((2, 16, 16))  # sampled: 4 x 4
    scores[1, :, 8:] = 5            # one border in three steps across, none down
    assert told(scores, grey(0))['borders'] == pytest.approx((1 / 3 + 0) / 2)


def test_light_and_colours_of_a_plain_picture():
    picture = grey(0)
    picture[...] = (255, 102, 51)
    found = told(np.zeros((2, 4, 4)), picture)
    assert found['light'] == pytest.approx((1 + 0.4 + 0.2) / 3)
    assert found['saturation'] == pytest.approx(0.8)
    assert found['warmth'] == pytest.approx(0.8)
    assert found['green'] == pytest.approx(0.4 - 0.6)
    assert found['contrast'] == found['sharpness'] == pytest.approx(0, abs=1e-6)


def test_blur_lowers_sharpness_and_not_light():
    import cv2
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (64, 64, 3), np.uint8)
    sharp, blurred = (told(np.zeros((2, 4, 4)), p) for p in (
        picture, cv2.GaussianBlur(picture, (0, 0), 3)))
    assert blurred['sharpness'] < 0.5 * sharp['sharpness']
    assert blurred['light'] == pytest.approx(sharp['light'], abs=0.02)


@pytest.mark.parametrize('grid, size', [((1, 1), (1, 1)), ((1, 9), (3, 40)), ((5, 1), (40, 2))])
def test_tiny_inputs_have_finite_numbers(grid, size):
    assert np.isfinite(look(np.zeros((3, *grid), np.float32), grey(7, (*size, 3)))).all()


def test_a_segmenter_looks_in_rgb_whatever_the_graph_takes(tmp_path):
    folder = write_tiny_bundle(tmp_path / 'b', 32, 32, scores=True)
    manifest = safe_load((folder / 'manifest.yaml').read_text())
    red = np.zeros((40, 40, 3), np.uint8)
    red[..., 0] = 255
    for order in ('rgb', 'bgr'):
        write_manifest(folder, {**manifest, 'input': {**manifest['input'],
                                                      'channel_order': order}})
        with Segmenter(load_bundle(folder), 'onnxruntime') as segmenter:
            warmth = segmenter.segment(red, 'rgb').look()[FEATURES.index('warmth')]
        assert warmth == pytest.approx(1)


def test_a_bundle_of_labels_alone_has_no_looks(tmp_path):
    with Segmenter(load_bundle(write_tiny_bundle(tmp_path / 'b')), 'onnxruntime') as segmenter:
        with pytest.raises(UserError, match='without scores'):
            segmenter.segment(grey(0), 'rgb').look()


@pytest.fixture
def two_sets():
    """Return looks of two sets whose light is 0 +- 1 and 100 +- 1, everything else N(0, 1)."""
    rng = np.random.default_rng(1)
    dark, bright = rng.normal(size=(2, 400, len(FEATURES)))
    bright[:, FEATURES.index('light')] += 100
    return {'dark': dark, 'bright': bright}


def test_pictures_are_near_one_set_each(two_sets):
    views = recorded(two_sets, {})
    assert [views.nearest(numbers(light=light)).name for light in (2, 98)] == ['dark', 'bright']
    # Light has a spread of 50 over both sets, of which a set has 0.3 at least.
    assert views.nearest(numbers(light=15)).distance == pytest.approx(
        1 / 3, abs=0.05)
    # Nine numbers of N(0, 1), light without weight: the root of 8 / 9 of their mean square.
    assert views.quantiles[0] == pytest.approx((8 / 9) ** 0.5, abs=0.1)
    assert views.quantiles[0] < views.limit < views.quantiles[2]


def test_limits_are_those_of_pictures_that_were_not_learnt(two_sets):
    wide = {'dark': 3 * two_sets['dark']}
    assert recorded(two_sets, wide).limit > 1.5 * recorded(two_sets, {}).limit


def test_sets_stay_beside_new_ones_but_for_those_of_the_same_name(two_sets):
    before = recorded(two_sets, {})
    after = recorded({'dark': two_sets['dark'][:50] + 1, 'new': two_sets['dark'][:60] - 5}, {},
                     before)
    assert [(one.name, one.pictures) for one in after.sets] == [
        ('bright', 400), ('dark', 50), ('new', 60)]
    assert after.limit >= before.limit


def test_what_is_recorded_comes_back(two_sets):
    views = recorded(two_sets, {})
    found = read_views(views.as_fields(), 'here')
    assert found.limit == pytest.approx(views.limit, abs=1e-4)
    np.testing.assert_allclose(found.sets[1].mean, views.sets[1].mean, atol=1e-5)
    assert read_views(None, 'here') is None


@pytest.mark.parametrize('spoil', [
    lambda fields: fields.update(features=['light']),
    lambda fields: fields.update(limit=0),
    lambda fields: fields.update(limit=float('nan')),
    lambda fields: fields.pop('quantiles'),
    lambda fields: fields.update(sets=[]),
    lambda fields: fields['sets'][0].update(mean=[1.0]),
    lambda fields: fields['sets'][0].update(pictures=float('inf')),
    lambda fields: fields['sets'][0]['spread'].__setitem__(2, 0),
], ids=['features', 'limit', 'nan', 'no quantiles', 'no sets', 'length', 'count', 'no spread'])
def test_malformed_views_are_one_line_with_the_cure(tmp_path, two_sets, spoil):
    folder = write_tiny_bundle(tmp_path / 'b', scores=True)
    manifest = safe_load((folder / 'manifest.yaml').read_text())
    fields = recorded(two_sets, {}).as_fields()
    spoil(fields)
    write_manifest(folder, {**manifest, 'views': fields})
    with pytest.raises(BundleError, match='effvit-compress views') as error:
        load_bundle(folder)
    assert '\n' not in str(error.value)


def test_no_picture_is_a_user_error():
    with pytest.raises(UserError, match='no picture'):
        recorded({'a': np.empty((0, len(FEATURES)))}, {})


def at(views, share):
    """Return a look whose distance is this share of the limit: every number so far off."""
    one = views.sets[0]
    return one.mean + share * views.limit * one.spread


@pytest.mark.parametrize('count', [1, 20], ids=['one', 'all alike'])
def test_pictures_that_do_not_differ_tell_no_limit(count):
    with pytest.raises(UserError, match='flight: too few pictures, or all alike'):
        recorded({'flight': np.ones((count, len(FEATURES)))}, {})


def test_the_alarm_needs_looks_begins_at_the_limit_and_ends_below_it(two_sets):
    views = recorded({'dark': two_sets['dark']}, {})
    drift = Drift(views)
    told = []
    for share in [1.5] * LEAST + [0.95] * WINDOW + [0.8] * WINDOW + [0.95] * WINDOW:
        drift.update(at(views, share))
        told.append(drift.unlike)
    changes = [i for i in range(1, len(told)) if told[i] != told[i - 1]]
    assert not any(told[:LEAST - 1]) and told[LEAST - 1]
    assert all(told[LEAST - 1:LEAST + WINDOW]), 'within the hysteresis it goes on'
    assert len(changes) == 2 and LEAST + WINDOW < changes[1] < LEAST + 2 * WINDOW
    assert drift.distance == pytest.approx(0.95, abs=1e-6)


def test_few_odd_pictures_among_many_raise_nothing(two_sets):
    views = recorded({'dark': two_sets['dark']}, {})
    drift = Drift(views)
    for index in range(60):
        drift.update(at(views, 2.0 if index % 10 == 0 else 0.7))
        assert not drift.unlike


def test_the_sentence_names_the_nearest_set_and_what_differs(two_sets):
    views = recorded(two_sets, {})
    drift = Drift(views)
    assert drift.distance is None and drift.nearest == ''
    for _ in range(LEAST):
        drift.update(numbers(light=100, sharpness=-9, contrast=-30))
    assert drift.unlike
    assert 'nearest are those of bright: less contrast, more blurred)' in drift.sentence
