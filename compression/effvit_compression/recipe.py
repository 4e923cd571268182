"""The recipe: everything that decides what a pipeline makes, validated, unknown keys refused."""
from __future__ import annotations

import functools
import math
from pathlib import Path
from typing import Annotated, Any, Dict, List, Optional, Sequence, Tuple, TypeVar, Union

import pydantic
import torch
import yaml

from effvit_compression.ablation_settings import Ablation, Name
from effvit_compression.data.augment import Augmentation
from effvit_compression.data.description import one_line
from effvit_compression.data.mixture import BALANCED, UNLABELLED
from effvit_compression.export.settings import Int8Settings
from effvit_compression.losses.distillation import check_levels, DistillationSettings
from effvit_compression.losses.segmentation import SegmentationLossSettings
from effvit_compression.models.architecture import Architecture
from effvit_compression.models.factory import build, SegmentationNet
from effvit_compression.models.pretrained import Pretrained
from effvit_compression.overrides import with_settings
from effvit_compression.pruning.channels import check_channels
from effvit_compression.pruning.settings import PruningSettings
from effvit_compression.pruning.surgery import budgets
from effvit_compression.teachers.settings import KnownTeacher, TransformerTeacher
from effvit_compression.training.settings import TrainingSettings
from effvit_ros.core.classes import ClassSet, load_classes, lpcv_classes
from effvit_ros.core.errors import UserError
from effvit_ros.core.install_paths import models_directory
from effvit_ros.core.yaml_files import read_yaml

T = TypeVar('T')
#: Sides of the input over those of an encoder's smallest map.
DEEPEST = 32


class Strict(pydantic.BaseModel):
    """Refuses unknown keys."""

    model_config = pydantic.ConfigDict(extra='forbid', allow_inf_nan=False)


class Flight(Strict):
    """Pictures of the simulated flight that are rendered where they are missing."""

    train_seeds: Tuple[int, int]  # first and last
    train_frames: int = pydantic.Field(50, ge=1)  # of each scene
    val_seeds: Tuple[int, int] = (1000, 1003)
    val_frames: int = pydantic.Field(12, ge=1)
    size: int = pydantic.Field(512, ge=64, le=4096)

    @pydantic.model_validator(mode='after')
    def _apart(self) -> Flight:
        (first, last), (low, high) = self.train_seeds, self.val_seeds
        if first > last or low > high:
            raise ValueError('flight: seeds are first and last')
        if first <= high and low <= last:
            raise ValueError(f'flight: train_seeds {first}-{last} and val_seeds {low}-{high} '
                             'overlap: scores would be those of scenes that were learnt')
        return self


class Source(Strict):
    """A dataset in the mixture."""

    dataset: Path                 # description; relative to the recipe
    root: Optional[Path] = None   # of the data, instead of the description's
    share: float = pydantic.Field(1.0, ge=0)  # of the crops; 0: for scores alone
    taught: bool = True           # a teacher's opinion of these pictures counts
    #: Labels of classes that are not ``trusted`` are learnt; otherwise they only say that a pixel
    #: is none of the trusted ones.
    guesses: bool = True
    augmentation: Optional[Augmentation] = None  # instead of the recipe's
    flight: Optional[Flight] = None  # render the data first, into the run's folder


class Teacher(Strict):
    """The network that is distilled from: trained here, or stored before."""

    model: Optional[Path] = None  # folder of a trained network; architecture to training: unused
    architecture: Optional[Architecture] = None
    pretrained: Pretrained = Pretrained(source='hub')
    training: Optional[TrainingSettings] = None
    minimum_miou: float = pydantic.Field(0.3, ge=0, le=1)  # on the first source's val pictures
    cache: bool = False           # keep its answers on disk for other trainings on the same crops
    cache_gb: float = pydantic.Field(10.0, gt=0)  # what the cache may hold
    cache_folder: Optional[Path] = None  # relative to the recipe; default: in the run's folder

    @pydantic.model_validator(mode='after')
    def _consistent(self) -> Teacher:
        if self.model is None and not (self.architecture and self.training):
            raise ValueError('give architecture and training, or the model of a trained one')
        return self


class Pasting(Strict):
    """Rare things of one crop on another: real things on other ground."""

    classes: List[str] = []                     # by name; default: the rare ones of the class set
    chance: float = pydantic.Field(ge=0, le=1)  # for a crop to get something


class Learning(Strict):
    """A training of the student without a teacher."""

    training: TrainingSettings
    #: Dataset -> share of the crops in this training, instead of the source's; above 0.
    shares: Dict[str, pydantic.PositiveFloat] = {}


class Teaching(Learning):
    """A training of the student with the teacher, where the recipe has one."""

    distillation: DistillationSettings = DistillationSettings()


class Averaging(Strict):
    """Weights between those that the student began with and those that it has learnt."""

    #: Shares of the first weights; the one with the best mean mIoU on the val sets of photographs
    #: is kept. 0: what was learnt stays as it is.
    shares: List[Annotated[float, pydantic.Field(ge=0, lt=1)]] = pydantic.Field(
        [0.0, 0.2, 0.4], min_length=1)


class Offsets(Strict):
    """How readily each class is called, settled on the val sets of photographs."""

    step: float = pydantic.Field(0.25, gt=0)
    most: float = pydantic.Field(1.5, gt=0)  # no class is moved further than this, up or down
    most_lost: float = pydantic.Field(0.003, ge=0)  # mIoU that no set may lose more of
    #: Classes that stay as they are: val may show them only where they were learnt.
    kept: List[str] = []
    #: Class -> what false alarms cost: the false share of the other pixels times this, in mIoU.
    false_alarms: Dict[str, pydantic.NonNegativeFloat] = {}


class Quantization(Strict):
    """Precisions of the graphs besides FP32."""

    fp16: bool = True
    int8: Optional[Int8Settings] = None  # for OpenVINO; left out where its price is too high


class Export(Strict):
    """The bundle."""

    name: Name
    story: str = ''               # for the model card
    float_io: bool = False        # also a graph for runtimes without 8-bit I/O


class Recipe(Strict):
    """
    What ``config/recipes/*.yaml`` holds.

    A stage whose section is absent is left out; the next one starts from the one before it.
    """

    name: Name
    seed: int = pydantic.Field(0, ge=0, lt=2 ** 31)
    size: int = pydantic.Field(512, ge=64, le=4096, multiple_of=32)  # side of the deployed input
    classes: Optional[Path] = None  # class set, relative to the recipe; default: LPCV's
    data: List[Source] = pydantic.Field(min_length=1)
    augmentation: Augmentation = Augmentation()
    #: Class name -> chance that a crop is drawn around it; ``balanced``: around any, by its share.
    rare: Dict[str, Annotated[float, pydantic.Field(ge=0, le=1)]] = {}
    paste: Optional[Pasting] = None
    loss: SegmentationLossSettings = SegmentationLossSettings()
    student: Architecture
    pretrained: Pretrained = Pretrained()  # the student's first weights
    teacher: Optional[Teacher] = None
    #: Trained elsewhere; asked once about each picture, before the student learns.
    teachers: List[KnownTeacher] = []
    transformer: Optional[TransformerTeacher] = None  # one more of them
    baseline: Optional[Learning] = None
    distill: Optional[Teaching] = None
    prune: Optional[PruningSettings] = None
    finetune: Optional[Teaching] = None
    average: Optional[Averaging] = None
    offsets: Optional[Offsets] = None
    quantize: Quantization = Quantization()
    export: Export
    ablation: Ablation = Ablation()
    _fields: Any = pydantic.PrivateAttr(None)

    @property
    def as_written(self) -> str:
        """YAML of the fields that it was read from, changes of its command line among them."""
        return yaml.safe_dump(self._fields, sort_keys=False, width=99, allow_unicode=True)

    @functools.cached_property
    def class_set(self) -> ClassSet:
        """Classes that its networks tell apart; :raises UserError: the file is no class set."""
        return load_classes(self.classes) if self.classes else lpcv_classes()

    @property
    def pasted(self) -> Tuple[str, ...]:
        """Names of the classes that are pasted from crop to crop."""
        return tuple(self.paste.classes or self.class_set.rare) if self.paste else ()

    @property
    def with_models(self) -> List[Tuple[Union[Teacher, Pretrained, KnownTeacher], Path]]:
        """Sections that name a network that was trained before, each with where it lies."""
        sections = (self.pretrained, self.teacher, self.teacher and self.teacher.pretrained,
                    *self.teachers)
        return [(section, section.model) for section in sections if section and section.model]

    @pydantic.model_validator(mode='after')
    def _consistent(self) -> Recipe:
        if not (self.baseline or self.distill):
            raise ValueError('a student is trained by baseline or distill: give one of them')
        if self.distill and not (self.teacher or self.teachers):
            raise ValueError('distill needs a teacher or teachers')
        if self.average and self.pretrained.source != 'stored':
            raise ValueError('average: it needs first weights: pretrained with source stored')
        named = [teacher.name for teacher in self.teachers]
        if len(set(named)) < len(named):
            raise ValueError('teachers: two of one name')
        if sum(self.rare.values()) > 1 + 1e-9:  # the sum of decimals may be off
            raise ValueError('rare: the chances add up to more than 1')
        if not any(source.share for source in self.data):
            raise ValueError('data: every share is 0')
        return self


def given(section: Optional[T]) -> T:
    """Return what a recipe is known to have where it is asked for: a section, a file."""
    assert section is not None
    return section


def load_recipe(path: Path, settings: Sequence[str] = ()) -> Recipe:
    """
    Read a recipe; its relative paths are relative to its folder.

    :param settings: changes, each as ``key.key=value``.
    :raises UserError: missing, no YAML, or one line with everything that is wrong in it.
    """
    path = Path(path)
    return recipe_of(with_settings(read_yaml(path, 'recipe'), settings), path)


def recipe_of(fields: Any, path: Path, row: str = '') -> Recipe:
    """
    Validate the fields of a recipe that was read from ``path``.

    :param row: of its ablation, for messages.
    :raises UserError: one line with everything that is wrong.
    """
    try:
        recipe = Recipe.model_validate(fields)
    except pydantic.ValidationError as error:
        raise UserError(f'recipe {path}{row and f", row {row}"}: {one_line(error)}') from error
    recipe._fields = fields
    for source in recipe.data:
        source.dataset = (path.parent / source.dataset).resolve()
        if source.root is not None:
            source.root = (path.parent / source.root).resolve()
    if recipe.classes is not None:
        recipe.classes = (path.parent / recipe.classes).resolve()
    check_classes(recipe, f'recipe {path}{row and f", row {row}"}')
    teacher = recipe.teacher
    for section, model in recipe.with_models:
        section.model = stored(path.parent, model)
    for known in recipe.teachers:
        if known.onnx:
            known.onnx = (path.parent / known.onnx).resolve()
    if recipe.transformer and recipe.transformer.weights_file:
        recipe.transformer.weights_file = (path.parent / recipe.transformer.weights_file).resolve()
    if teacher and teacher.cache_folder:
        teacher.cache_folder = (path.parent / teacher.cache_folder).resolve()
    check_networks(recipe, path)
    return recipe


def stored(folder: Path, model: Path) -> Path:
    """Return the folder that ``model`` means: next to the recipe, or a shipped bundle."""
    adjacent, shipped = (folder / model).resolve(), models_directory() / model
    named = len(model.parts) == 1 and shipped.is_dir()
    return shipped if named and not adjacent.exists() else adjacent


def check_classes(recipe: Recipe, where: str) -> None:
    """
    Look for names that are no class of the recipe's set.

    :param where: begins the complaint.
    :raises UserError: there is one, or the set can't be read.
    """
    classes = recipe.class_set
    for network in (recipe.student, recipe.teacher and recipe.teacher.architecture):
        if network and 'classes' in network.model_fields_set and network.classes != classes:
            raise UserError(f'{where}: an architecture has other classes than {classes.name}: '
                            'leave them out there, the recipe\'s key classes names the file')
    if recipe.paste and not recipe.pasted:
        raise UserError(f'{where}: paste: {classes.name} has no rare class: give classes')
    for key, names in (('rare', set(recipe.rare) - {BALANCED}),
                       ('loss.class_weights', recipe.loss.class_weights),
                       ('loss.false_alarms', recipe.loss.false_alarms),
                       ('offsets', [*recipe.offsets.kept, *recipe.offsets.false_alarms]
                        if recipe.offsets else ()),
                       ('paste.classes', recipe.pasted),
                       *(('augmentation.recolour', set(augmentation.recolour) - {UNLABELLED})
                         for augmentation in augmentations(recipe)),
                       *((f'teacher {teacher.name}', teacher.classes)
                         for teacher in recipe.teachers),
                       ('transformer.classes',
                        recipe.transformer.classes if recipe.transformer else ())):
        unknown = classes.unknown(names)
        if unknown:
            raise UserError(f'{where}: {key} names {unknown[0]!r}, which {classes.name} does not '
                            f'have; it has {", ".join(classes.names)}')


def augmentations(recipe: Recipe) -> List[Augmentation]:
    """Return every way in which its pictures are changed."""
    found = [recipe.augmentation, *(source.augmentation for source in recipe.data),
             recipe.transformer and recipe.transformer.augmentation]
    return [augmentation for augmentation in found if augmentation]


def check_networks(recipe: Recipe, path: Path) -> None:
    """
    Build the networks, without weights: one that can't be is found before hours of training.

    :raises UserError: there is no such network, the student can't be pruned so, or a map is
        mimicked that one of them does not have.
    """
    teacher = recipe.teacher
    try:
        student = build_weightless(recipe.student.model_dump_json())
        if recipe.prune:
            budgets(student, recipe.prune)
            if recipe.prune.channels:
                check_channels(student)
        check_float_graph(recipe)
        if teacher and teacher.architecture and not teacher.model:
            teaching = build_weightless(teacher.architecture.model_dump_json())
            for section in (recipe.distill, recipe.finetune):
                if section:
                    check_levels(section.distillation, student.encoder.out_channels,
                                 teaching.encoder.out_channels)
    except UserError as error:
        raise UserError(f'recipe {path}: {error}') from error


def check_float_graph(recipe: Recipe) -> None:
    """
    Look at the pyramid pooling, which opset 13, of graphs with float I/O, has no uneven one of.

    :raises UserError: a grid does not divide the deepest map.
    """
    if not recipe.export.float_io or recipe.student.decoder != 'upernet':
        return
    side = recipe.size // DEEPEST
    uneven = [grid for grid in recipe.student.pool_sizes if side % grid]
    if uneven:
        fitting = DEEPEST * math.lcm(*recipe.student.pool_sizes)
        raise UserError(f'export.float_io: a map of {side}x{side} (size {recipe.size}) does not '
                        f'pool to {uneven[0]}x{uneven[0]} in opset 13: give a size that is a '
                        f'multiple of {fitting}, other student.pool_sizes, or no float_io')


@functools.lru_cache(maxsize=None)
def build_weightless(architecture: str) -> SegmentationNet:
    """Build from JSON on a device that stores nothing; :raises UserError: it can't be built."""
    with torch.device('meta'):
        return build(Architecture.model_validate_json(architecture))
