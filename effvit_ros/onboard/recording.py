"""What a vehicle records, and the command that does it."""
from __future__ import annotations


def recorded_topics(vehicle):
    """Return the full names of the topics that the vehicle's file asks for."""
    recording = vehicle.recording
    names = []
    if recording['labels']:
        names += ['segmenter/labels', 'segmenter/label_info']
    for key, name in (('overlay', 'overlay/compressed'), ('camera_info', 'camera_info'),
                      ('class_areas', 'class_areas'), ('alerts', 'alerts')):
        if recording[key]:
            names.append('segmenter/' + name)
    if recording['diagnostics']:
        names.append('/diagnostics')
    if recording['image'] != 'none':
        image = vehicle.camera['image_topic']
        names.append(image if recording['image'] == 'raw' else image + '/compressed')
        names.append(image[:image.rfind('/') + 1] + 'camera_info')
    return [vehicle.topic(name) for name in names]


def record_arguments(vehicle):
    """Return the arguments of ``record_flight``."""
    recording = vehicle.recording
    return ['--folder', recording['folder'],
            '--storage', recording['storage'],
            '--max-split-mb', str(recording['max_split_mb']),
            '--max-total-mb', str(recording['max_total_mb']),
            '--min-free-mb', str(recording['min_free_mb']),
            '--when-full', recording['when_full'],
            *recorded_topics(vehicle)]
