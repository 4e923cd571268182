"""
Make docs/images/flight.gif: the simulated flight as a real node segmented it.

``python docs/examples/flight_animation.py OUT.gif``. The camera node renders the flight, the
segmenter node segments it, both as processes over DDS; this process keeps some of the frames.
"""
import os
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from rich.console import Console

from effvit_ros.core.bundle import load_bundle, resolve_model
from effvit_ros.harness.processes import free_domain_id, node_environment

SIZE = 320, 240
FRAMES, SECONDS, RATE_HZ = 22, 33.0, 2.0
#: Colours of the GIF; more make it larger than a page should be.
COLOURS = 128


def main(path):
    """Fly, segment and write the animation: the picture next to the overlay."""
    os.environ.update(node_environment(free_domain_id()))
    from effvit_ros.harness.stream import watch_stream
    model = resolve_model('').resolve()
    camera = {'source': 'flight', 'width': SIZE[0], 'height': SIZE[1], 'rate_hz': RATE_HZ,
              'seed': 5}
    with tempfile.TemporaryDirectory() as folder:
        stream = watch_stream(camera, {'model': str(model), 'overlay_legend': False},
                              len(load_bundle(model).classes), SECONDS, FRAMES, Path(folder),
                              Console())
    pictures = [Image.fromarray(cv2.cvtColor(np.hstack([s.picture, s.overlay]),
                                             cv2.COLOR_BGR2RGB)) for s in stream.moments]
    # One palette for all frames, so that nothing flickers.
    everything = Image.fromarray(np.vstack([np.asarray(picture) for picture in pictures]))
    palette = everything.quantize(COLOURS, dither=Image.Dither.NONE)
    frames = [p.quantize(COLOURS, palette=palette, dither=Image.Dither.NONE) for p in pictures]
    frames[0].save(path, save_all=True, append_images=frames[1:], loop=0, optimize=True,
                   duration=200)


if __name__ == '__main__':
    main(sys.argv[1])
