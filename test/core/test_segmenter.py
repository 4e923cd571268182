"""Pictures of every size and channel order through both runtimes, against numpy."""
from __future__ import annotations

import sys

import cv2
import numpy as np
import pytest
from cpu_runtimes import needs_openvino, RUNTIMES
from tiny_bundle import tiny_labels, write_tiny_bundle

from effvit_ros.core.bundle import load_bundle
from effvit_ros.core.errors import UserError
from effvit_ros.core.runtime import RuntimeUnavailable
from effvit_ros.core.runtimes import CPU_ORDER, GPU_ORDER, open_runtime
from effvit_ros.core.segmenter import Segmenter


@pytest.fixture(scope='module')
def scoring_bundle(tmp_path_factory):
    """Return the folder of a bundle whose graph ends at scores."""
    return write_tiny_bundle(tmp_path_factory.mktemp('bundle') / 'scoring', scores=True)


@pytest.fixture(scope='module', params=['labels', 'scores'])
def folder(request, tiny_bundle, scoring_bundle):
    """Return the folder of a bundle whose graph ends at labels, or at scores."""
    return tiny_bundle if request.param == 'labels' else scoring_bundle


@pytest.fixture(scope='module', params=RUNTIMES)
def segmenter(request, folder):
    """Return a segmenter on each runtime."""
    with Segmenter(load_bundle(folder), request.param) as segmenter:
        yield segmenter


def blocks(height, width):
    """Return a picture of four flat colours, RGB: red, green, black and white quarters."""
    picture = np.zeros((2, 2, 3), np.uint8)
    picture[0, 0], picture[0, 1], picture[1, 1] = (255, 0, 0), (0, 255, 0), (255, 255, 255)
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_NEAREST)


def test_random_pixels_of_the_networks_size_are_exact(segmenter):
    picture = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    result = segmenter.segment(picture, 'rgb')
    np.testing.assert_array_equal(result.labels, tiny_labels(picture))
    assert result.timings.total_ms > 0


def test_an_answer_is_labelled_after_the_next_picture_was_asked_about(segmenter):
    pictures = np.random.default_rng(2).integers(0, 256, (4, 64, 64, 3), np.uint8)
    answers, inputs = [], []
    for number, picture in enumerate(pictures):
        answers.append(segmenter.ask(picture, 'rgb'))
        inputs.append(answers[-1].pixels.copy())
        if number:  # the one before, whose copies the next call will take
            before = answers[number - 1]
            np.testing.assert_array_equal(
                segmenter.label(before).labels, tiny_labels(pictures[number - 1]))
            np.testing.assert_array_equal(before.pixels, inputs[number - 1])


@pytest.mark.parametrize('height, width', [(64, 64), (48, 96), (480, 640), (33, 57), (1, 1)])
def test_labels_have_the_pictures_size(segmenter, height, width):
    result = segmenter.segment(blocks(height, width), 'rgb')
    assert result.labels.shape == (height, width)
    assert result.labels.dtype == np.uint8


@pytest.mark.parametrize('height, width', [(128, 128), (256, 512), (720, 1280)])
def test_quarters_stay_where_they_are(segmenter, height, width):
    picture = blocks(height, width)
    labels = segmenter.segment(picture, 'rgb').labels
    # Borders may move by a pixel of the network's size, areas and places may not.
    assert (labels == tiny_labels(picture)).mean() > 0.95
    centres = labels[height // 4::height // 2, width // 4::width // 2]
    assert centres.tolist() == [[1, 2], [0, 1]]


@pytest.mark.parametrize('order, convert', [
    ('bgr', cv2.COLOR_RGB2BGR), ('bgra', cv2.COLOR_RGB2BGRA), ('rgba', cv2.COLOR_RGB2RGBA)])
def test_channel_orders_give_the_same_labels(segmenter, order, convert):
    picture = np.random.default_rng(2).integers(0, 256, (64, 64, 3), np.uint8)
    expected = segmenter.segment(picture, 'rgb').labels.copy()
    result = segmenter.segment(cv2.cvtColor(picture, convert), order)
    np.testing.assert_array_equal(result.labels, expected)


def test_scores_give_confidence(scoring_bundle):
    # Red on one half: 127.5 against 1000 * 255 - 127372.5; on black 127.5 against 0.
    with Segmenter(load_bundle(scoring_bundle), RUNTIMES[-1]) as segmenter:
        result = segmenter.segment(blocks(96, 80), 'rgb')
        assert result.scores.shape == (3, 64, 64) and result.scores.dtype == np.float32
        confidence = result.confidence()
    assert confidence.shape == (96, 80) and confidence.dtype == np.uint8
    assert confidence[10, 10] == 255


def test_a_bundle_of_labels_has_no_confidence(tiny_bundle):
    with Segmenter(load_bundle(tiny_bundle), RUNTIMES[-1]) as segmenter:
        result = segmenter.segment(blocks(8, 8), 'rgb')
        assert result.scores is None
        with pytest.raises(UserError, match='export it again'):
            result.confidence()


def test_scores_that_are_no_numbers_are_refused(scoring_bundle):
    with Segmenter(load_bundle(scoring_bundle), RUNTIMES[-1]) as segmenter:
        segmenter.runtime.infer = lambda: np.full((3, 64, 64), np.nan, np.float32)
        with pytest.raises(ValueError, match='no numbers'):
            segmenter.segment(blocks(8, 8), 'rgb')


def test_mono_pictures_count_as_grey(segmenter):
    grey = np.arange(64 * 64, dtype=np.uint8).reshape(64, 64)
    labels = segmenter.segment(grey, 'mono').labels
    np.testing.assert_array_equal(labels, np.where(grey > 127, 1, 0))


def test_rows_may_be_strided(segmenter):
    wide = np.random.default_rng(3).integers(0, 256, (64, 80, 3), np.uint8)
    labels = segmenter.segment(wide[:, 8:72], 'rgb').labels
    np.testing.assert_array_equal(labels, tiny_labels(wide[:, 8:72]))


@pytest.mark.parametrize('picture, order, message', [
    pytest.param(np.zeros((4, 4, 3), np.float32), 'rgb', 'not float32', id='float'),
    pytest.param(np.zeros((4, 4), np.uint8), 'rgb', '3 channels', id='grey-as-rgb'),
    pytest.param(np.zeros((4, 4, 4), np.uint8), 'rgb', '3 channels', id='four-as-three'),
    pytest.param(np.zeros((0, 4, 3), np.uint8), 'rgb', 'empty', id='no-rows'),
    pytest.param(np.zeros((4, 4, 3), np.uint8), 'hsv', "order is 'hsv'", id='unknown-order'),
])
def test_what_is_no_picture_is_refused(segmenter, picture, order, message):
    with pytest.raises(ValueError, match=message):
        segmenter.segment(picture, order)


@pytest.fixture
def no_gpu(monkeypatch):
    """Let ``auto`` find neither a GPU nor a library for one."""
    monkeypatch.setattr('effvit_ros.core.machine._GPU_DEVICES', ())
    for name in GPU_ORDER:
        monkeypatch.setitem(sys.modules, name, None)


@needs_openvino
def test_auto_takes_the_first_installed_runtime(tiny_bundle, no_gpu):
    runtime, passed_over = open_runtime(load_bundle(tiny_bundle))
    assert (runtime.name, passed_over) == (CPU_ORDER[0], [])
    runtime.close()
    runtime.close()


def test_auto_falls_back_and_says_why(tiny_bundle, no_gpu, monkeypatch):
    monkeypatch.setitem(sys.modules, 'openvino', None)
    runtime, passed_over = open_runtime(load_bundle(tiny_bundle))
    assert runtime.name == 'onnxruntime'
    assert len(passed_over) == 1 and 'pip install openvino' in passed_over[0]


def test_a_missing_runtime_says_how_to_get_it(tiny_bundle, monkeypatch):
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)
    with pytest.raises(RuntimeUnavailable, match='pip install onnxruntime'):
        open_runtime(load_bundle(tiny_bundle), 'onnxruntime')


def test_an_onnxruntime_that_is_too_old_names_the_version_that_is_needed(
        tiny_bundle, monkeypatch):
    import onnxruntime

    def refuse(*_args, **_options):
        raise RuntimeError('Unsupported model IR version: 10, max supported IR version: 9')
    monkeypatch.setattr(onnxruntime, '__version__', '1.17.3')
    monkeypatch.setattr(onnxruntime, 'InferenceSession', refuse)
    with pytest.raises(RuntimeUnavailable, match=r'1\.17\.3 is too old .* 1\.18 or newer'):
        open_runtime(load_bundle(tiny_bundle), 'onnxruntime')


def test_an_unknown_runtime_lists_the_known_ones(tiny_bundle):
    with pytest.raises(UserError, match="runtime 'tflite' is unknown: give one of auto, tensorrt"):
        open_runtime(load_bundle(tiny_bundle), 'tflite')


@needs_openvino
def test_threads_are_honoured(tiny_bundle):
    runtime, _ = open_runtime(load_bundle(tiny_bundle), 'openvino', threads=1)
    assert '1 threads' in runtime.description
