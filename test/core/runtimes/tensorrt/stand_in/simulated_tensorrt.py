"""
The surface of TensorRT that the package uses, by release, executing on ONNX Runtime.

What a release lacks is not there: the binding API ends with 9, tensors begin with 8.5,
``max_workspace_size`` ends with 9, FP16 by flag ends with 10, strong typing begins with 10.
"""
from __future__ import annotations

import enum
import json
import os
import signal
import threading
import time

import numpy as np
import onnx
import onnxruntime
import simulated_gpu as gpu

_MAGIC = b'STAND-IN ENGINE\n'
#: ONNX operator -> TensorRT's type of layer.
_LAYERS = {'Softmax': 'SOFTMAX', 'ReduceMean': 'REDUCE', 'LayerNormalization': 'NORMALIZATION',
           'ArgMax': 'TOPK', 'Sqrt': 'UNARY', 'Add': 'ELEMENTWISE', 'Sub': 'ELEMENTWISE',
           'Mul': 'ELEMENTWISE', 'Div': 'ELEMENTWISE', 'Pow': 'ELEMENTWISE',
           'MatMul': 'MATRIX_MULTIPLY', 'Cast': 'CAST'}


class Severity(enum.IntEnum):
    """How bad a message is; 0 is worst."""

    INTERNAL_ERROR = 0
    ERROR = 1
    WARNING = 2
    INFO = 3


class DataType(enum.Enum):
    """Types of tensors."""

    FLOAT = np.float32
    HALF = np.float16
    INT32 = np.int32
    UINT8 = np.uint8


class TensorIOMode(enum.Enum):
    """Direction of a tensor."""

    INPUT = 1
    OUTPUT = 2


class ILogger:
    """Takes the library's messages."""

    INTERNAL_ERROR, ERROR, WARNING = Severity.INTERNAL_ERROR, Severity.ERROR, Severity.WARNING

    def __init__(self):
        self._made = True

    def complain(self, text):
        """Hand over one error."""
        gpu.require(getattr(self, '_made', False), 'ILogger.__init__ was not called')
        self.log(Severity.ERROR, text)


def release(name, version):
    """Return the names of the module ``name`` in this release."""
    number = tuple(int(n) for n in version.split('.')[:2])
    typed = name == 'tensorrt_rtx' or number >= (10, 0)
    newest = name == 'tensorrt_rtx' or number >= (11, 0)
    library = _Library(name, version, number, typed)
    names = {
        '__version__': version, 'ILogger': ILogger, 'float32': DataType.FLOAT,
        'DataType': DataType, 'IElementWiseLayer': _ElementWiseLayer,
        'OnnxParser': lambda network, logger: _Parser(library, network, logger),
        'Builder': lambda logger: _Builder(library, logger),
        'Runtime': lambda logger: _Runtime(library, logger),
        'NetworkDefinitionCreationFlag': enum.IntEnum(
            'NetworkDefinitionCreationFlag',
            ['STRONGLY_TYPED'] if newest else
            ['EXPLICIT_BATCH', 'STRONGLY_TYPED'] if typed else ['EXPLICIT_BATCH'], start=0),
        'BuilderFlag': enum.IntEnum(
            'BuilderFlag', ['TF32'] if newest else ['FP16', 'OBEY_PRECISION_CONSTRAINTS']),
    }
    if number >= (8, 4) or typed:
        names['MemoryPoolType'] = enum.IntEnum('MemoryPoolType', ['WORKSPACE'])
    if number >= (8, 5) or typed:
        names['TensorIOMode'] = TensorIOMode
    if typed:
        names['IProgressMonitor'] = type('IProgressMonitor', (), {})
    if name == 'tensorrt_rtx':
        names['ComputeCapability'] = enum.IntEnum(
            'ComputeCapability', ['SM75', 'SM80', 'SM86', 'SM89', 'SM120'])
    return names


class _Library:

    def __init__(self, name, version, number, typed):
        self.name, self.version, self.number, self.typed = name, version, number, typed
        self.by_tensor = typed or number >= (8, 5)
        self.by_binding = not typed

    def place(self):
        """Return what an engine of this library fits here."""
        return {'library': self.name, 'version': self.version,
                'gpu': gpu.setting('GPU', 'Orin') if self.name == 'tensorrt' else 'any'}


class _ParserError:

    def __init__(self, text):
        self._text = text

    def desc(self):
        return self._text


class _Parser:

    def __init__(self, library, network, logger):
        self._library, self._network, self._errors = library, network, []

    @property
    def num_errors(self):
        return len(self._errors)

    def get_error(self, index):
        return _ParserError(self._errors[index])

    def parse(self, data):
        try:
            model = onnx.load_from_string(data)
            onnx.checker.check_model(model)
        except Exception as error:
            self._errors.append(f'Failed to parse ONNX model: {error}')
            return False
        old = not self._library.typed and self._library.number < (8, 5)
        if old and model.opset_import[0].version > 13:
            self._errors.append('opset is too new')
        kinds = {v.type.tensor_type.elem_type for v in (*model.graph.input, *model.graph.output)}
        if old and onnx.TensorProto.UINT8 in kinds:
            self._errors.append('UINT8 is not supported')
        self._network.take(model)
        return not self._errors


class _Layer:

    def __init__(self, node):
        self.node, self.precision, self.output_type = node, None, None

    @property
    def type(self):
        return enum.Enum('LayerType', {_LAYERS.get(self.node.op_type, 'SHUFFLE'): 1})(1)

    def get_output(self, index):
        integral = self.node.op_type in ('Cast', 'ArgMax')
        return type('ITensor', (), {'dtype': DataType.INT32 if integral else DataType.FLOAT})

    def set_output_type(self, index, dtype):
        self.output_type = dtype


class _ElementWiseLayer(_Layer):

    @property
    def op(self):
        return enum.Enum('ElementWiseOperation', {self.node.op_type.upper(): 1})(1)


class _Network:

    def __init__(self, library, flags):
        gpu.require(flags == (0b10 if library.typed and library.number[0] == 10
                              and library.name == 'tensorrt' else 0b01),
                    f'create_network({flags:#b}) in {library.name} {library.version}')
        self.model, self._layers = None, []

    def take(self, model):
        self.model = model
        self._layers = [_Layer(node) for node in model.graph.node]

    @property
    def num_layers(self):
        return len(self._layers)

    def get_layer(self, index):
        return self._layers[index]

    def fp32_layers(self):
        return sorted({n.node.op_type for n in self._layers if n.precision is DataType.FLOAT})


class _TimingCache:

    def __init__(self, data):
        self.data = data

    def serialize(self):
        return self.data


class _Config:
    """Holds only what the release has: another attribute is an error."""

    _NAMES = {'library', 'flags', 'workspace', 'timing', 'capabilities', 'monitor'}

    def __init__(self, library):
        self.library, self.flags, self.workspace = library, set(), None
        self.timing, self.capabilities, self.monitor = None, {}, None

    def __setattr__(self, name, value):
        library = self.__dict__.get('library')
        if name == 'max_workspace_size' and library.number < (8, 4):
            name = 'workspace'
        elif name == 'progress_monitor' and library.typed:
            name = 'monitor'
        elif name == 'num_compute_capabilities' and library.name == 'tensorrt_rtx':
            self.__dict__['capabilities'] = dict.fromkeys(range(value))
            return
        gpu.require(name in self._NAMES, f'IBuilderConfig has no {name}')
        self.__dict__[name] = value

    def __getattr__(self, name):
        library = self.__dict__['library']
        if name == 'set_memory_pool_limit' and (library.typed or library.number >= (8, 4)):
            return lambda pool, size: setattr(self, 'workspace', size)
        if name == 'set_compute_capability' and library.name == 'tensorrt_rtx':
            return lambda value, index: self.capabilities.update({index: value.name})
        if name == 'progress_monitor' and library.typed:
            return None
        raise AttributeError(name)

    def set_flag(self, flag):
        self.flags.add(flag.name)

    def create_timing_cache(self, data):
        return _TimingCache(data)

    def set_timing_cache(self, cache, ignore_mismatch):
        own = json.dumps(self.library.place()).encode()
        if cache.data and cache.data != own:
            return False
        self.timing = cache
        return True


class _Builder:

    def __init__(self, library, logger):
        gpu.require(isinstance(logger, ILogger), 'a builder without a logger')
        self._library, self._logger = library, logger

    def create_network(self, flags=0):
        return _Network(self._library, flags)

    def create_builder_config(self):
        return _Config(self._library)

    def build_serialized_network(self, network, config):
        library = self._library
        if library.name == 'tensorrt':
            gpu.require_context('build_serialized_network')
        gpu.require(network.model is not None, 'an empty network was built')
        gpu.require(config.workspace is not None, 'the workspace was left at its default')
        if not self._go_on():
            return None
        if config.monitor is not None:
            config.monitor.phase_start('Timing tactics', None, 1)
            config.monitor.step_complete('Timing tactics', 0)
            config.monitor.phase_finish('Timing tactics')
        if config.timing is not None:
            config.timing.data = json.dumps(library.place()).encode()
        facts = dict(library.place(), workspace=config.workspace, flags=sorted(config.flags),
                     fp32_layers=network.fp32_layers(),
                     capabilities=list(config.capabilities.values()))
        model = network.model.SerializeToString()
        return _MAGIC + json.dumps(dict(facts, size=len(model))).encode() + b'\n' + model

    def _go_on(self):
        fault = gpu.setting('BUILD', '')
        if fault == 'out of memory':
            self._logger.complain('Skipping tactic: OutOfMemory: requested size 536870912')
            return False
        if fault == 'killed':
            os.kill(os.getpid(), signal.SIGKILL)
        elif fault == 'crash':
            os.kill(os.getpid(), signal.SIGSEGV)
        elif fault.startswith('slow'):
            time.sleep(float(fault.split()[1]))
        return True


def engine_facts(data):
    """Return what a simulated engine says about its build."""
    head, _, _ = data[len(_MAGIC):].partition(b'\n')
    return json.loads(head)


class _Counted:
    """Lives until its last reference goes, which must be in its context, on its thread."""

    kind = ''

    def __init__(self):
        gpu.require_context(f'{self.kind} was made')
        self._thread = threading.current_thread()
        gpu.alive[self.kind].add(id(self))

    def __del__(self):
        if not gpu.stack() or threading.current_thread() is not self._thread:
            gpu.note(
                f'{self.kind} was destroyed outside its CUDA context on thread '
                f'{threading.current_thread().name}')
        gpu.alive[self.kind].discard(id(self))


class _OfRelease(_Counted):
    """Has only the methods that its release has."""

    by_tensor, by_binding = frozenset(), frozenset()

    def __getattribute__(self, name):
        of = type(self)
        if name in of.by_tensor and not self.library.by_tensor \
                or name in of.by_binding and not self.library.by_binding:
            raise AttributeError(f'{of.__name__} has no {name} in {self.library.version}')
        return super().__getattribute__(name)


class _Runtime(_Counted):

    kind = 'runtime'

    def __init__(self, library, logger):
        super().__init__()
        gpu.require(isinstance(logger, ILogger), 'a runtime without a logger')
        self._library, self._logger = library, logger

    def deserialize_cuda_engine(self, data):
        gpu.require_context('deserialize_cuda_engine')
        if not data.startswith(_MAGIC):
            self._logger.complain('Serialization assertion magicTagRead == kMAGIC_TAG failed')
            return None
        head, _, model = data[len(_MAGIC):].partition(b'\n')
        facts = json.loads(head)
        if len(model) != facts['size']:
            self._logger.complain('Serialization assertion: engine is truncated')
            return None
        if {k: facts[k] for k in self._library.place()} != self._library.place():
            self._logger.complain('Serialization assertion safeVersionRead failed: '
                                  'Version tag does not match')
            return None
        return _Engine(self._library, facts, model, self._logger)


class _Engine(_OfRelease):

    kind = 'engine'
    by_tensor = {'num_io_tensors', 'get_tensor_name', 'get_tensor_shape', 'get_tensor_dtype',
                 'get_tensor_mode'}
    by_binding = {'num_bindings', 'get_binding_name', 'get_binding_shape', 'get_binding_dtype',
                  'binding_is_input'}

    def __init__(self, library, facts, model, logger):
        super().__init__()
        self.library = library
        self.session = onnxruntime.InferenceSession(model, providers=['CPUExecutionProvider'])
        self.logger = logger
        kinds = {'tensor(uint8)': DataType.UINT8, 'tensor(float)': DataType.FLOAT,
                 'tensor(int32)': DataType.INT32}
        self.io = [(t.name, tuple(t.shape), kinds[t.type], mode)
                   for tensors, mode in ((self.session.get_inputs(), TensorIOMode.INPUT),
                                         (self.session.get_outputs(), TensorIOMode.OUTPUT))
                   for t in tensors]

    @property
    def num_io_tensors(self):
        return len(self.io)

    @property
    def num_bindings(self):
        return len(self.io)

    def get_tensor_name(self, index):
        return self.io[index][0]

    def get_tensor_shape(self, name):
        return self._named(name)[1]

    def get_tensor_dtype(self, name):
        return self._named(name)[2]

    def get_tensor_mode(self, name):
        return self._named(name)[3]

    def get_binding_name(self, index):
        return self.io[index][0]

    def get_binding_shape(self, index):
        return self.io[index][1]

    def get_binding_dtype(self, index):
        return self.io[index][2]

    def binding_is_input(self, index):
        return self.io[index][3] is TensorIOMode.INPUT

    def _named(self, name):
        return next(row for row in self.io if row[0] == name)

    def create_execution_context(self):
        if gpu.setting('EXECUTION', '') == 'out of memory':
            self.logger.complain('Error Code 2: OutOfMemory (no further information)')
            return None
        return _ExecutionContext(self)


class _ExecutionContext(_OfRelease):

    kind = 'execution context'
    by_tensor = {'set_tensor_address', 'execute_async_v3'}
    by_binding = {'execute_async_v2'}

    def __init__(self, engine):
        super().__init__()
        self.library = engine.library
        self._engine_id, self._session, self._io = id(engine), engine.session, engine.io
        self._addresses = {}

    def __del__(self):
        if self._engine_id not in gpu.alive['engine']:
            gpu.note('an engine was destroyed before its execution context')
        super().__del__()

    def set_tensor_address(self, name, address):
        gpu.require(name in {row[0] for row in self._io}, f'the engine has no tensor {name}')
        gpu.require(isinstance(address, int), f'the address of {name} is {type(address)}')
        self._addresses[name] = address
        return True

    def execute_async_v3(self, stream_handle):
        return self._enqueue(stream_handle)

    def execute_async_v2(self, bindings, stream_handle):
        gpu.require(len(bindings) == len(self._io), f'{len(bindings)} bindings')
        self._addresses = {row[0]: int(a) for row, a in zip(self._io, bindings)}
        return self._enqueue(stream_handle)

    def _enqueue(self, stream_handle):
        gpu.require_context('execution')
        gpu.require(threading.current_thread() is self._thread,
                    'an execution context was used on another thread')
        missing = [row[0] for row in self._io if row[0] not in self._addresses]
        gpu.require(not missing, f'no address for {missing}')
        views = {}
        for name, shape, dtype, mode in self._io:
            size = int(np.prod(shape)) * np.dtype(dtype.value).itemsize
            views[name] = gpu.device_bytes(self._addresses[name], size, f'execution, {name}')
        gpu.queue_of(stream_handle).append(lambda: self._run(views))
        return True

    def _run(self, views):
        gpu.require_context('execution')
        feed = {name: views[name].view(dtype.value).reshape(shape)
                for name, shape, dtype, mode in self._io if mode is TensorIOMode.INPUT}
        (name, _, dtype, _), = [row for row in self._io if row[3] is TensorIOMode.OUTPUT]
        answer = self._session.run([name], feed)[0]
        if gpu.setting('EXECUTION', '') == 'wrong':
            answer = -answer if answer.dtype.kind == 'f' else answer ^ 1
        views[name][...] = answer.astype(dtype.value).reshape(-1).view(np.uint8)
