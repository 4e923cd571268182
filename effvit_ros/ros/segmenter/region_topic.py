"""Connected regions as vision_msgs/Detection2DArray, where vision_msgs is installed."""
from __future__ import annotations

import json
import math
from typing import List, Optional, Sequence

import numpy as np
from std_msgs.msg import Header

from effvit_ros.core.regions import Region, regions

try:
    from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose
except ImportError:
    Detection2DArray = None

#: The class that nobody looks for: what is left over.
BACKGROUND = 'background'


def region_classes(names: Sequence[str]) -> List[int]:
    """Return the ids of the classes whose regions are told: all but the background."""
    return [i for i, name in enumerate(names) if name != BACKGROUND]


def regions_message(labels: np.ndarray, confidence: Optional[np.ndarray], names: Sequence[str],
                    least_pixels: int, header: Header) -> Detection2DArray:
    """
    Return the Detection2DArray of a label image's regions, the largest first.

    Of each: its class's id as text (as LabelInfo has it) with the mean confidence as the score
    (NaN where the bundle tells none), centre and box in pixels; ``id`` is JSON: ``class``,
    ``area`` in pixels and ``polygon``, the outline and then holes as rings of [x, y].
    """
    found = regions(labels, region_classes(names), confidence, least_pixels)
    return Detection2DArray(header=header, detections=[
        _detection(region, names, header) for region in found])


def _detection(region: Region, names: Sequence[str], header: Header) -> Detection2D:
    detection = Detection2D(header=header)
    result = ObjectHypothesisWithPose()
    result.hypothesis.class_id = str(region.class_id)
    result.hypothesis.score = math.nan if region.confidence is None else region.confidence
    detection.results = [result]
    x, y, width, height = region.box
    # The box's own middle, which is not that of the pixels; the middle of a pixel is whole.
    detection.bbox.center.position.x = x + (width - 1) / 2
    detection.bbox.center.position.y = y + (height - 1) / 2
    detection.bbox.size_x, detection.bbox.size_y = float(width), float(height)
    detection.id = json.dumps({
        'class': names[region.class_id], 'area': region.area,
        'centre': [round(v, 2) for v in region.centre], 'polygon': region.rings},
        separators=(',', ':'))
    return detection
