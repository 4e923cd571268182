"""What a vehicle records, and the command that does it."""
from __future__ import annotations

from typing import List

from effvit_ros.core import topics
from effvit_ros.onboard.vehicle import Vehicle


def recorded_topics(vehicle: Vehicle) -> List[str]:
    """Return the full names of the topics that the vehicle's file asks for."""
    recording = vehicle.recording
    names = []
    if recording['labels']:
        names += [topics.of_segmenter(topics.LABELS), topics.of_segmenter(topics.LABEL_INFO)]
    for key, name in (('overlay', topics.OVERLAY_JPEG), ('camera_info', topics.CAMERA_INFO),
                      ('class_areas', topics.CLASS_AREAS), ('alerts', topics.ALERTS)):
        if recording[key]:
            names.append(topics.of_segmenter(name))
    if recording['diagnostics']:
        names.append(topics.DIAGNOSTICS)
    if recording['image'] != 'none':
        image = vehicle.camera['image_topic']
        names.append(image if recording['image'] == 'raw' else image + '/compressed')
        names.append(image[:image.rfind('/') + 1] + 'camera_info')
    return [vehicle.topic(name) for name in names]


def record_arguments(vehicle: Vehicle) -> List[str]:
    """Return the arguments of ``record_flight``."""
    recording = vehicle.recording
    return ['--folder', recording['folder'],
            '--storage', recording['storage'],
            '--max-split-mb', str(recording['max_split_mb']),
            '--max-total-mb', str(recording['max_total_mb']),
            '--min-free-mb', str(recording['min_free_mb']),
            '--when-full', recording['when_full'],
            *recorded_topics(vehicle)]
