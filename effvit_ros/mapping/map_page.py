"""The map as one HTML file that opens without a network: Leaflet, pictures and data inside."""
from __future__ import annotations

import base64
import json
import math
from pathlib import Path
from typing import Any, Callable, Dict, List, Sequence, Tuple, TYPE_CHECKING

import cv2
import numpy as np
import rasterio
from rasterio.transform import from_bounds
from rasterio.warp import reproject, Resampling, transform_bounds

from effvit_ros.core.classes import IGNORE
from effvit_ros.core.install_paths import share_directory
from effvit_ros.mapping.geodesy import LocalFrame

if TYPE_CHECKING:
    from effvit_ros.mapping.bag_map import BagMap
    from effvit_ros.mapping.vectors import Feature

#: Longest side of the page's pictures, pixels.
LONGEST = 2600
#: Polygons below this many square metres are left to map.geojson, but for alerts' classes.
LEAST_AREA_M2 = 4.0
#: Metres by which the page's outlines may be off; those of map.geojson are exact.
TOLERANCE_DEG = 2e-6
_RADIUS = 6378137.0


def map_page(report: Dict[str, Any], features: Sequence[Feature], made: BagMap,
             folder: Path) -> str:
    """
    Return the page.

    :param report: what report.json holds.
    :param features: GeoJSON features of the regions.
    :param made: :class:`~effvit_ros.mapping.bag_map.BagMap`.
    :param folder: where map.tif and orthomosaic.tif are.
    """
    frame = made.trajectory.known_frame()
    mosaic, bounds = _overlay(folder / 'orthomosaic.tif', frame, _mosaic_picture)
    classes, _ = _overlay(folder / 'map.tif', frame, lambda bands: _class_picture(
        bands, made.palette))
    latitude, longitude = frame.to_degrees_unwrapped(*np.array(made.track).T[:2])
    overlays = [('orthomosaic', mosaic, True), ('classes, strong where certain', classes, False)]
    if not any(made.ground.store.get(key).best.any() for key in made.ground.store.keys()):
        overlays = [(name, picture, True) for name, picture, _ in overlays[1:]]
    title = f"Map of {report['bag'].rstrip('/').rsplit('/', 1)[-1]}"
    data = {
        'title': title,
        'about': _about(report), 'problems': _problems(report),
        'origin': [frame.latitude, frame.longitude], 'bounds': bounds, 'overlays': overlays,
        'track': [[round(float(a), 7), round(float(b), 7)]
                  for a, b in zip(latitude, longitude)],
        'classes': _classes(report, features, made),
        'alerts': [{**alert, 'colour': _colour(made, alert['class_id'])}
                   for alert in report['alerts']]}
    return page_of('map_report.html', data, title)


def page_of(template: str, data: Dict[str, Any], title: str) -> str:
    """Return one of the pages under resource/web with Leaflet and its data inside."""
    web = share_directory() / 'resource' / 'web'
    # In a script element only "</" ends it.
    parts = {'@TITLE@': title.replace('&', '&amp;').replace('<', '&lt;'),
             '@LEAFLET_CSS@': _without_pictures((web / 'leaflet' / 'leaflet.css').read_text()),
             '@LEAFLET_JS@': (web / 'leaflet' / 'leaflet.js').read_text(encoding='utf-8'),
             '@DATA@': json.dumps(data, separators=(',', ':')).replace('</', '<\\/')}
    text = (web / template).read_text(encoding='utf-8')
    for mark, content in parts.items():
        text = text.replace(mark, content, 1)
    return text


def _without_pictures(css: str) -> str:
    # Icons of controls that the pages don't have.
    return '\n'.join(line for line in css.splitlines() if 'url(images/' not in line)


def _about(report: Dict[str, Any]) -> str:
    lines = [f"{report['frames']} pictures, {report['area_m2'] / 1e4:.2f} ha of ground, "
             f"{report['begin']} to {report['end']}."]
    if report['bundle']:
        lines.append(f"Model {report['bundle']['name']}.")
    if report.get('ground_miou_fused') is not None:
        lines.append(f"Against the truth: mIoU {report['ground_miou_single']:.3f} of single "
                     f"pictures, {report['ground_miou_fused']:.3f} fused.")
    lines.append('A label is no proof: look at the orthomosaic.')
    return ' '.join(lines)


def _problems(report: Dict[str, Any]) -> List[str]:
    found = [f"{entry['count']} pictures left out, {kind}: {entry['first']}"
             for kind, entry in report['left_out'].items()]
    found += [f'{count} messages left out: {text}' for text, count in report['bad_poses'].items()]
    if report['frames_with_assumed_uncertainty']:
        found.append('Poses tell no covariance: uncertainties are assumed.')
    return found


def _classes(report: Dict[str, Any], features: Sequence[Feature],
             made: BagMap) -> List[Dict[str, Any]]:
    from shapely.geometry import mapping, shape
    classes = []
    for name, entry in sorted(report['classes'].items(), key=lambda e: -e[1]['area_m2']):
        class_id = made.names.index(name)
        shown = [
            {**f, 'geometry': mapping(shape(f['geometry']).simplify(TOLERANCE_DEG))}
            for f in features if f['properties']['class_id'] == class_id
            and (f['properties']['area_m2'] >= LEAST_AREA_M2 or entry['area_m2'] < 1000)]
        classes.append({'name': name, 'area_m2': entry['area_m2'], 'features': shown,
                        'colour': _colour(made, class_id), 'shown': class_id != 0})
    return classes


def _colour(made: BagMap, class_id: int) -> str:
    return '#%02x%02x%02x' % tuple(int(v) for v in made.palette[class_id])


def _overlay(path: Path, frame: LocalFrame,
             picture: Callable[[np.ndarray], Tuple[str, bytes]]) -> Tuple[str, List[List[float]]]:
    """Return a raster as a data URI in web Mercator about its own meridian, and its bounds."""
    crs = (f'+proj=merc +a={_RADIUS} +b={_RADIUS} +lat_ts=0 +lon_0={frame.longitude!r} +k=1 '
           '+units=m +nadgrids=@null +no_defs')
    with rasterio.open(path) as source:
        left, bottom, right, top = transform_bounds(source.crs, crs, *source.bounds)
        scale = min(1.0, LONGEST / max(source.width, source.height))
        width, height = round(source.width * scale), round(source.height * scale)
        bands = np.zeros((source.count, height, width), np.uint8)
        if source.count == 2:
            bands[0] = IGNORE
        for i in range(source.count):
            reproject(rasterio.band(source, i + 1), bands[i], dst_crs=crs,
                      dst_transform=from_bounds(left, bottom, right, top, width, height),
                      src_nodata=IGNORE if source.count == 2 and i == 0 else None,
                      dst_nodata=IGNORE if source.count == 2 and i == 0 else None,
                      resampling=Resampling.nearest)
    form, content = picture(bands)
    uri = f'data:image/{form};base64,' + base64.b64encode(content).decode('ascii')
    corners = [[_latitude(y), frame.longitude + math.degrees(x / _RADIUS)]
               for x, y in ((left, bottom), (right, top))]
    return uri, corners


def _latitude(y: float) -> float:
    return math.degrees(2 * math.atan(math.exp(y / _RADIUS)) - math.pi / 2)


def _mosaic_picture(bands: np.ndarray) -> Tuple[str, bytes]:
    bgra = np.ascontiguousarray(bands[[2, 1, 0, 3]].transpose(1, 2, 0))
    return 'webp', cv2.imencode('.webp', bgra, (cv2.IMWRITE_WEBP_QUALITY, 70))[1].tobytes()


def _class_picture(bands: np.ndarray, palette: np.ndarray) -> Tuple[str, bytes]:
    table = np.zeros((256, 3), np.uint8)
    table[:len(palette)] = palette[:, ::-1]
    labels, confidence = bands
    alpha = np.where(labels == IGNORE, 0, 60 + (confidence.astype(np.uint16) * 3) // 4)
    bgra = np.dstack([table[labels], alpha.astype(np.uint8)])
    return 'png', cv2.imencode('.png', bgra)[1].tobytes()
