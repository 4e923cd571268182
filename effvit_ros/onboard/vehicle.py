"""A vehicle's file: read, checked key by key, refused with one line."""
from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Any, Dict, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

import yaml

from effvit_ros.core.errors import UserError
from effvit_ros.onboard.vehicle_parameters import SECTIONS, VEHICLE
from effvit_ros.ros.common.parameters import Parameter

#: What the ROS names of a namespace look like: uav1, /fleet/uav1.
_NAMESPACE = re.compile(r'/?([A-Za-z]\w*(/[A-Za-z]\w*)*)?\Z', re.ASCII)


class Vehicle(NamedTuple):
    """
    One aircraft, with defaults filled in.

    ``segmenter`` holds only what the file gives: the node has its own defaults.
    """

    #: Without slashes at the ends; '' for none.
    namespace: str
    respawn_delay: float
    log_level: str
    camera: Dict[str, Any]
    segmenter: Dict[str, Any]
    recording: Dict[str, Any]
    mount: Dict[str, Any]
    mapper: Dict[str, Any]
    view: Dict[str, Any]
    alert_bridge: Dict[str, Any]
    foxglove: Dict[str, Any]

    def topic(self, name: str) -> str:
        """Return the full name of the topic ``name``, which may be relative to the namespace."""
        if name.startswith('/'):
            return name
        return '/' + '/'.join(part for part in (self.namespace, name) if part)

    @property
    def frame_id(self) -> str:
        """Return the camera's frame: tf knows no namespaces, so its name holds it."""
        return self.camera['frame_id'] or '/'.join(filter(None, (self.namespace, 'camera')))


def read_vehicle(path: Union[str, Path], namespace: Optional[str] = None) -> Vehicle:
    """
    Return the :class:`Vehicle` of a YAML file.

    :param namespace: wins over the file's where it is given, so that one file serves several
        aircraft.
    :raises UserError: in one line with the file, the key and what is allowed.
    """
    path = Path(path).expanduser()
    content = _load(path)
    try:
        vehicle = _vehicle(content, namespace, path.parent)
    except UserError as error:
        raise UserError(f'{path}: {error}') from None
    return vehicle


def _load(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding='utf-8'))
    except OSError as error:
        raise UserError(f'{path}: {error.strerror}') from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f'{path}: not YAML: {" ".join(str(error).split())}') from None


def _vehicle(content: Any, namespace: Optional[str], folder: Path) -> Vehicle:
    top = dict(_mapping(content, 'the file'))
    sections: Dict[str, Any] = {
        name: _section(name, rows, _mapping(top.pop(name, None), name))
        for name, rows in SECTIONS.items()}
    values = _section('', VEHICLE, top, also=tuple(SECTIONS))
    if namespace is not None:
        values['namespace'] = namespace
    if not _NAMESPACE.match(values['namespace']):
        raise UserError(f"namespace is '{values['namespace']}': give letters, digits and _, "
                        'such as uav1')
    values['namespace'] = values['namespace'].strip('/')
    vehicle = Vehicle(**values, **sections)
    _check_camera(vehicle.camera, folder)
    _check_recording(vehicle.recording)
    return vehicle


def _mapping(content: Any, name: str) -> Dict[str, Any]:
    """Return the keys of a section; one whose keys are all comments reads as None."""
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise UserError(f'{name} is {content!r}: give keys with values')
    return content


def _section(section: str, rows: Sequence[Parameter], given: Mapping[str, Any],
             also: Tuple[str, ...] = ()) -> Dict[str, Any]:
    """Return name -> value of every row, in the rows' types; for the segmenter what is given."""
    prefix = section and section + '.'
    known = {row.name: row for row in rows}
    for key in given:
        if key not in known:
            near = difflib.get_close_matches(str(key), [*known, *also], n=1)
            hint = f'did you mean {near[0]}?' if near else f'give {", ".join([*known, *also])}'
            raise UserError(f'{prefix}{key} is unknown: {hint}')
    values = {} if section == 'segmenter' else {row.name: row.default for row in rows}
    for key, value in given.items():
        problem = known[key].problem(value)
        if problem:
            raise UserError(prefix + problem)
        values[key] = type(known[key].default)(value)
    return values


def _check_camera(camera: Dict[str, Any], folder: Path) -> None:
    if camera['calibration']:
        calibration = (folder / Path(camera['calibration']).expanduser()).absolute()
        if not calibration.is_file():
            raise UserError(f"camera.calibration is '{camera['calibration']}': no such file "
                            f'({calibration})')
        camera['calibration'] = str(calibration)
    if camera['driver'] == 'gscam' and not camera['pipeline']:
        raise UserError("camera.pipeline is '': give gscam's GStreamer pipeline, such as "
                        "'v4l2src ! videoconvert'")
    if camera['source'] in ('folder', 'video') and not camera['path']:
        raise UserError(f"camera.path is '': give the {camera['source']} that camera.source "
                        'asks for')
    if camera['driver'] != 'none' and camera['image_topic'] != 'camera/image_raw':
        raise UserError(f"camera.image_topic is '{camera['image_topic']}': only driver none "
                        'has pictures elsewhere than on camera/image_raw')


def _check_recording(recording: Mapping[str, Any]) -> None:
    total, split = recording['max_total_mb'], recording['max_split_mb']
    if total and total < 2 * split:
        raise UserError(f"recording.max_total_mb is '{total}': give twice max_split_mb "
                        f'({2 * split}) or more, or 0')
