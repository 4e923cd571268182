"""Names of the node and its topics, for whoever publishes, subscribes or records."""
from __future__ import annotations

#: The segmenter's name, and the topics of its results, which lie under it.
NODE = 'segmenter'
LABELS = 'labels'
LABELS_PNG = 'labels/compressed'
CONFIDENCE = 'confidence'
OVERLAY = 'overlay'
OVERLAY_JPEG = 'overlay/compressed'
CLASS_AREAS = 'class_areas'
ALERTS = 'alerts'
REGIONS = 'regions'
CAMERA_INFO = 'camera_info'
LABEL_INFO = 'label_info'
LABEL_INFO_TYPED = 'labels/label_info'
#: The mapper's name, and what it alone publishes under it; its alerts are called as above.
MAPPER = 'mapper'
GEOJSON = 'geojson'
#: Where nodes tell of their health; absolute by convention.
DIAGNOSTICS = '/diagnostics'


def of_segmenter(name: str) -> str:
    """Return a result topic's name relative to the aircraft's namespace."""
    return f'{NODE}/{name}'


def of_mapper(name: str) -> str:
    """Return a map topic's name relative to the aircraft's namespace."""
    return f'{MAPPER}/{name}'
