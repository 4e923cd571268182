"""A runtime that raises on one frame."""
from __future__ import annotations

import pytest
from faulty_segmenter import TRIGGER
from watched_node import ERROR, noise, OK, picture, WARN


@pytest.mark.slow
def test_it_is_counted_told_and_the_next_frame_is_answered(watch):
    node = watch(module='faulty_segmenter', runtime='onnxruntime').ready()
    pixels = noise()
    pixels[0, 0] = TRIGGER
    for count in (1, 2):
        node.show(picture(pixels))
        status, values = node.until_status(
            lambda _, values: values.get('errors_inference') == str(count), 'a counted fault')
        assert status.level in (WARN, ERROR)
        assert 'RuntimeError: CUDA error 700' in status.message
        node.answers()
    # What is past is forgotten, but for the count.
    status, values = node.until_level(OK)
    assert values['errors_inference'] == '2'
