"""One bag laid on the ground: the work of ``map_bag``, resumable from its checkpoints."""
from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

import numpy as np

from effvit_ros.bags.bag import Bag
from effvit_ros.bags.frames import recorded_frames
from effvit_ros.bags.pictures import choose_topics, IMAGE_TYPES
from effvit_ros.core.bundle import Bundle
from effvit_ros.core.classes import ClassSet
from effvit_ros.core.errors import UserError
from effvit_ros.core.segmenter import Segmenter
from effvit_ros.core.whole_file import write_text
from effvit_ros.mapping.alignment import Aligner
from effvit_ros.mapping.bag_topics import (
    choose_pose_topics,
    info_topic,
    PoseTopics,
    read_cameras,
    read_poses,
)
from effvit_ros.mapping.camera_model import CameraModel
from effvit_ros.mapping.flight_truth import FlightTruth, read_flight_truth
from effvit_ros.mapping.ground import Plane, Terrain
from effvit_ros.mapping.ground_grid import GroundGrid
from effvit_ros.mapping.label_source import by_model, Labelled, recorded
from effvit_ros.mapping.places import Place, placed_ids, PlaceMerger, sightings
from effvit_ros.mapping.pose_settings import PoseSettings, RANGE
from effvit_ros.mapping.projection import footprint, Grid
from effvit_ros.mapping.scores import GroundScore
from effvit_ros.mapping.tiles import empty_tile, TileStore
from effvit_ros.mapping.track import PoseProblem
from effvit_ros.mapping.trajectory import Trajectory

WORK, STATE, SHIFTS = 'work', 'state.json', 'shifts.json'
#: Of what checkpoints hold: those of another are not gone on with.
STATE_VERSION = 2
#: Seconds between two checkpoints.
CHECKPOINT_S = 20.0


@dataclass(frozen=True)
class MapSettings:
    """What ``map_bag`` was asked for; equal settings make equal maps."""

    bundle: str = ''
    runtime: str = 'auto'
    threads: int = 0
    topic: str = ''
    labels_topic: str = ''
    camera_info_topic: str = ''
    rectified: bool = False
    pose_topics: PoseTopics = PoseTopics('', '', '', '', '')
    poses: PoseSettings = PoseSettings()
    grid: Grid = Grid()
    terrain: str = ''
    least_area_m2: float = 1.0
    truth: str = ''
    memory_mb: int = 256
    every: int = 1
    align: bool = True


@dataclass
class BagMap:
    """A map made: what the writers of files and reports take."""

    ground: GroundGrid
    trajectory: Trajectory
    names: Tuple[str, ...]
    palette: np.ndarray
    places: List[Place]
    begin_ns: int
    end_ns: int
    mapped: int
    left_out: Dict[str, Dict[str, Any]]
    bad_poses: Dict[str, int]
    assumed: int
    seconds: float
    topics: Dict[str, str]
    track: List[List[float]]
    score: Optional[GroundScore] = None
    bundle: Dict[str, str] = field(default_factory=dict)


class _Progress:
    """What a checkpoint holds besides the tiles."""

    def __init__(self) -> None:
        self.next_index = self.mapped = self.assumed = 0
        self.begin_ns: Optional[int] = None
        self.end_ns = 0
        self.left_out: Counter[str] = Counter()
        self.first_text: Dict[str, str] = {}
        self.track: List[List[float]] = []
        self.seconds = 0.0

    def leave_out(self, problem: PoseProblem) -> None:
        self.left_out[problem.kind] += 1
        self.first_text.setdefault(problem.kind, str(problem))


def make_map(bag: Bag, settings: MapSettings, folder: Path, classes: ClassSet,
             bundle: Optional[Bundle] = None,
             on_progress: Optional[Callable[[int, int], None]] = None) -> BagMap:
    """
    Return the :class:`BagMap` of an open bag.

    :param folder: for the tiles; a map of the same bag and settings is gone on with.
    :param classes: :class:`~effvit_ros.core.classes.ClassSet` of the labels.
    :param bundle: :class:`~effvit_ros.core.bundle.Bundle` for bags of pictures, or None.
    :raises UserError: nothing can be mapped.
    """
    topics = _topics(bag, settings)
    poses = choose_pose_topics(bag, settings.pose_topics, settings.poses)
    trajectory = Trajectory(settings.poses)
    bad_poses = read_poses(bag, poses, trajectory)
    cameras = read_cameras(bag, topics['camera_info'],
                           settings.rectified or 'image_rect' in topics['pictures'])
    _check_poses(bag, poses, trajectory, bad_poses)
    if settings.terrain:
        trajectory.ground = Terrain(settings.terrain, trajectory.known_frame())
        if not (len(trajectory.ranges) and trajectory.settings.height in ('auto', RANGE)):
            raise UserError(f'terrain {settings.terrain}: elevations and altitudes may be of '
                            'different zeros (sea level, ellipsoid: up to 100 m): a terrain '
                            'needs a rangefinder in the bag')
    truth = read_flight_truth(settings.truth) if settings.truth else None
    if truth is not None and not classes.is_lpcv:
        raise UserError(f'--truth {settings.truth}: its ids are those of LPCV 2023, not those of '
                        f'{classes.name}')
    work = _Worker(bag, settings, topics, trajectory, cameras, truth, classes, Path(folder))
    work.run(bundle, on_progress)
    made = work.result(bad_poses, {**topics, **poses._asdict()})
    if bundle is not None:
        made.bundle = {'name': bundle.name, 'sha256': bundle.sha256}
    return made


def _topics(bag: Bag, settings: MapSettings) -> Dict[str, str]:
    labels = settings.labels_topic
    if labels:
        if labels not in bag.topics or bag.topics[labels].type not in IMAGE_TYPES:
            raise UserError(f'{bag.path}: {labels} (--labels-topic) is no topic of label images; '
                            f'the bag holds {", ".join(bag.topics)}')
        pictures = settings.topic
        if not pictures:
            try:
                pictures, _ = choose_topics(bag)
            except UserError:
                pictures = ''
        pictures = '' if pictures == labels else pictures
    else:
        pictures, _ = choose_topics(bag, settings.topic)
    info = info_topic(bag, labels or pictures, settings.camera_info_topic)
    return {'pictures': pictures, 'labels': labels, 'camera_info': info}


def _check_poses(bag: Bag, topics: PoseTopics, trajectory: Trajectory,
                 bad: Mapping[str, int]) -> None:
    """Refuse a bag whose poses can't be used at all; one line tells why."""
    worst = '; '.join(f'{text} ({n} times)' for text, n in sorted(bad.items())[:2])
    by_frames = bool(trajectory.settings.frames)
    if not (by_frames or len(trajectory.imus) or len(trajectory.poses)):
        raise UserError(f'{bag.path}: no orientation can be used: {worst or "none is there"}')
    if not topics.fix and trajectory.frame is None:
        raise UserError(f'{bag.path}: no NavSatFix tells where on earth this is: give --origin '
                        "LATITUDE,LONGITUDE of the local pose's zero")
    if not len(trajectory.fixes) and (
            trajectory.frame is None or not (by_frames or len(trajectory.poses))):
        raise UserError(f'{bag.path}: no position can be used: {worst or "none is there"}')
    try:
        trajectory.height_source()
    except PoseProblem as problem:
        raise UserError(f'{bag.path}: {problem} (--height)') from None


class _Worker:
    """Goes through the label images and keeps the checkpoints."""

    def __init__(self, bag: Bag, settings: MapSettings, topics: Dict[str, str],
                 trajectory: Trajectory, cameras: List[Tuple[int, CameraModel]],
                 truth: Optional[FlightTruth], classes: ClassSet, folder: Path) -> None:
        self._bag, self._settings, self._topics = bag, settings, topics
        self._trajectory, self._cameras, self._truth = trajectory, cameras, truth
        self._classes, self._folder = classes, folder
        self._shifts: Dict[int, Tuple[float, float]] = {}
        self._surface = trajectory.ground or Plane()
        self._placed = placed_ids(classes.names)
        self._key = hashlib.sha256(repr((
            STATE_VERSION, settings, classes,
            sorted((str(f), f.stat().st_size, f.stat().st_mtime_ns) for f in bag.files)
        )).encode()).hexdigest()
        self._begin()

    def _begin(self) -> None:
        """Start with an empty map."""
        settings, count = self._settings, len(self._classes)
        store = TileStore(self._folder / 'tiles', lambda: empty_tile(count), settings.memory_mb)
        self._ground = GroundGrid(store, settings.grid)
        self._merger = PlaceMerger()
        self._score: Optional[GroundScore] = None
        if self._truth is not None:
            self._score = GroundScore(self._truth, self._folder / 'votes', count,
                                      settings.memory_mb)
        self._progress = _Progress()

    def run(self, bundle: Optional[Bundle],
            on_progress: Optional[Callable[[int, int], None]]) -> None:
        """Map every picture that has a pose."""
        self._resume()
        p, settings = self._progress, self._settings
        if settings.align and self._topics['pictures']:
            self._align()
        topic = self._topics['labels'] or self._topics['pictures']
        total = self._bag.count(topic)
        segmenter = None
        if bundle is not None:
            segmenter = Segmenter(bundle, settings.runtime, settings.threads)
        try:
            source = (recorded(self._bag, topic, self._topics['pictures'], p.next_index)
                      if segmenter is None
                      else by_model(self._bag, topic, segmenter, p.next_index))
            saved = start = time.perf_counter()
            for labelled in source:
                if labelled.index % settings.every == 0:
                    self._add(labelled)
                p.next_index = labelled.index + 1
                now = time.perf_counter()
                p.seconds += now - start
                start = now
                if on_progress is not None:
                    on_progress(labelled.index + 1, total)
                if now - saved > CHECKPOINT_S:
                    self._save()
                    saved = start = time.perf_counter()
            self._save()
        finally:
            if segmenter is not None:
                segmenter.close()

    def _add(self, labelled: Labelled) -> None:
        p, grid = self._progress, self._settings.grid
        if p.begin_ns is None:
            p.begin_ns = p.end_ns = labelled.stamp_ns
        p.end_ns = max(p.end_ns, labelled.stamp_ns)
        try:
            told = self._trajectory.at(labelled.stamp_ns)
            east, north = self._shifts.get(labelled.stamp_ns, (0.0, 0.0))
            pose = told._replace(position=told.position - [east, north, 0])
            height, width = labelled.labels.shape
            camera = self._camera(labelled.stamp_ns).scaled(width, height)
            place = footprint(camera, pose, self._surface, grid)
        except PoseProblem as problem:
            p.leave_out(problem)
            return
        except UserError as error:  # camera_info is of another shape
            p.leave_out(PoseProblem('no_camera_info', str(error)))
            return
        since = max(0, (labelled.stamp_ns - p.begin_ns) // 10**6)
        self._ground.add(place, labelled.labels, labelled.confidence, labelled.bgr, since)
        seen = sightings(labelled.labels, labelled.confidence, self._placed, camera, pose,
                         self._surface, grid.widest_angle_deg)
        places = self._merger.add(seen, labelled.stamp_ns)
        p.mapped += 1
        p.assumed += pose.assumed
        p.track.append([round(float(v), 2) for v in pose.position])
        if self._score is not None:
            self._score.add(labelled.stamp_ns, camera, told, pose,
                            self._trajectory.known_frame(), grid.widest_angle_deg)
            self._score.sight(labelled.stamp_ns, pose, seen, places, self._classes.names)
            self._score.vote(footprint(camera, told, self._surface, grid), labelled.labels)

    def _align(self) -> None:
        """Bring the poses to agree, or take up what an earlier run found."""
        path = self._folder / SHIFTS
        try:
            found = json.loads(path.read_text(encoding='utf-8'))
            if found['key'] == self._key:
                self._shifts = {int(stamp): shift for stamp, shift in found['shifts'].items()}
                return
        except (OSError, ValueError, KeyError, AttributeError):
            pass
        aligner = Aligner(self._surface, self._settings.grid.widest_angle_deg,
                          self._folder / 'patches')
        for frame in recorded_frames(self._bag, self._topics['pictures']):
            if frame.index % self._settings.every:
                continue
            bgr = frame.picture.bgr()
            try:
                pose = self._trajectory.at(frame.stamp_ns)
                camera = self._camera(frame.stamp_ns).scaled(bgr.shape[1], bgr.shape[0])
            except (PoseProblem, UserError):
                continue  # told when the picture is mapped
            aligner.add(frame.stamp_ns, bgr, camera, pose)
        self._shifts = aligner.shifts()
        write_text(path, json.dumps({'key': self._key, 'shifts': self._shifts}))

    def _camera(self, stamp_ns: int) -> CameraModel:
        """Return the camera as it was last described before the stamp."""
        found = self._cameras[0][1]
        for since, camera in self._cameras:
            if since > stamp_ns:
                break
            found = camera
        return found

    def _save(self) -> None:
        p = self._progress
        state = {'key': self._key, 'tiles': self._ground.store.checkpoint(),
                 'places': self._merger.state(),
                 'progress': {**vars(p), 'left_out': dict(p.left_out)}}
        if self._score is not None:
            state['score'] = [self._score.told, self._score.used, self._score.things,
                              self._score.store.checkpoint()]
        write_text(self._folder / STATE, json.dumps(state))
        self._ground.store.settle()
        if self._score is not None:
            self._score.store.settle()

    def _resume(self) -> None:
        """Take up the last checkpoint of the same bag and settings, or clear what is there."""
        try:
            state = json.loads((self._folder / STATE).read_text(encoding='utf-8'))
            if state['key'] != self._key:
                raise ValueError('of another map')
            self._ground.store.resume([tuple(entry) for entry in state['tiles']])
            self._merger.resume(state['places'])
            vars(self._progress).update(state['progress'])
            self._progress.left_out = Counter(state['progress']['left_out'])
            if self._score is not None:
                (self._score.told, self._score.used, self._score.things,
                 tiles) = state['score']
                self._score.store.resume([tuple(entry) for entry in tiles])
        except (OSError, ValueError, KeyError, TypeError, UserError):
            shutil.rmtree(self._folder, ignore_errors=True)
            self._begin()

    def result(self, bad_poses: Dict[str, int], topics: Dict[str, str]) -> BagMap:
        """Return the :class:`BagMap`; UserError where nothing was mapped."""
        p = self._progress
        left_out = {kind: {'count': n, 'first': p.first_text[kind]}
                    for kind, n in sorted(p.left_out.items())}
        if not p.mapped or p.begin_ns is None:
            reasons = '; '.join(f"{kind} {e['count']} times ({e['first']})"
                                for kind, e in left_out.items())
            raise UserError(f'{self._bag.path}: no picture can be laid on the ground: '
                            + (reasons or 'there is none'))
        return BagMap(
            self._ground, self._trajectory, self._classes.names, self._classes.palette,
            self._merger.known(),
            p.begin_ns, p.end_ns, p.mapped, left_out, bad_poses, p.assumed, p.seconds, topics,
            p.track, self._score)


def settings_report(settings: MapSettings) -> Dict[str, Any]:
    """Return the settings as JSON's types."""
    content = asdict(settings)
    content['pose_topics'] = settings.pose_topics._asdict()
    content['poses'] = {**settings.poses._asdict(), 'mount': settings.poses.mount._asdict()}
    content['grid'] = settings.grid._asdict()
    return content
