"""The LPCV 2023 classes: names, colours and the ignored id, in the referee's id order."""
from __future__ import annotations

import numpy as np

#: Class names; the position is the class id.
NAMES = (
    'background',
    'avalanche',
    'building_undamaged',
    'building_damaged',
    'cracks/fissure/subsidence',
    'debris/mud/rock_flow',
    'fire/flare',
    'flood/water/river/sea',
    'ice_jam_flow',
    'lava_flow',
    'person',
    'pyroclastic_flow',
    'road/railway/bridge',
    'vehicle',
)

#: Colours, (14, 3) uint8, RGB, as the challenge publishes them.
PALETTE = np.array([
    [0, 0, 0],
    [92, 177, 172],
    [50, 183, 250],
    [155, 188, 221],
    [189, 177, 252],
    [221, 255, 51],
    [255, 53, 94],
    [170, 240, 209],
    [255, 204, 51],
    [198, 116, 54],
    [61, 245, 61],
    [65, 105, 146],
    [240, 120, 240],
    [61, 61, 245],
], dtype=np.uint8)
PALETTE.setflags(write=False)

#: Label value of pixels that count nowhere ("unlabelled" in vision_msgs' words).
IGNORE = 255
