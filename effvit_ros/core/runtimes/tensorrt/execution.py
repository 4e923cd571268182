"""Executing a deserialised engine: tensors since TensorRT 8.5, numbered bindings before 10."""
from __future__ import annotations

from typing import Any, Mapping, NamedTuple, Tuple, Union

import numpy as np

#: TensorRT's names of the types that our graphs take and give.
_DTYPES = {'UINT8': np.uint8, 'FLOAT': np.float32, 'INT32': np.int32}


class Tensor(NamedTuple):
    """One input or output of an engine."""

    name: str
    shape: Tuple[int, ...]
    dtype: type
    is_input: bool


def open_execution(engine: Any) -> Union[_ByTensor, _ByBinding]:
    """
    Return the execution of ``engine`` by the API that it has.

    :raises RuntimeError: TensorRT made no execution context, mostly for want of memory.
    :raises KeyError: an input or output is of a type that our graphs don't have.
    """
    return (_ByTensor if hasattr(engine, 'num_io_tensors') else _ByBinding)(engine)


class _Execution:
    """
    An execution context with the addresses of its inputs and outputs.

    ``tensors`` describes them; :meth:`bind` must come before :meth:`enqueue`.
    """

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self._context = engine.create_execution_context()
        if self._context is None:
            raise RuntimeError('no execution context could be made')
        self.tensors = tuple(self._describe(index) for index in range(self._count()))

    def close(self) -> None:
        """Release the context before the engine."""
        self._context = self._engine = None


class _ByTensor(_Execution):

    def _count(self) -> int:
        return self._engine.num_io_tensors

    def _describe(self, index: int) -> Tensor:
        engine = self._engine
        name = engine.get_tensor_name(index)
        return Tensor(name, tuple(engine.get_tensor_shape(name)),
                      _DTYPES[engine.get_tensor_dtype(name).name],
                      engine.get_tensor_mode(name).name == 'INPUT')

    def bind(self, addresses: Mapping[str, int]) -> None:
        """Use the GPU addresses of this mapping, name -> address, from now on."""
        for name, address in addresses.items():
            if not self._context.set_tensor_address(name, address):
                raise RuntimeError(f'TensorRT refused the address of {name}')

    def enqueue(self, stream_handle: int) -> None:
        """Queue one execution; raises RuntimeError when TensorRT refuses."""
        if not self._context.execute_async_v3(stream_handle):
            raise RuntimeError('TensorRT refused to execute')


class _ByBinding(_Execution):

    def _count(self) -> int:
        return self._engine.num_bindings

    def _describe(self, index: int) -> Tensor:
        engine = self._engine
        return Tensor(engine.get_binding_name(index), tuple(engine.get_binding_shape(index)),
                      _DTYPES[engine.get_binding_dtype(index).name],
                      engine.binding_is_input(index))

    def bind(self, addresses: Mapping[str, int]) -> None:
        """Use the GPU addresses of this mapping, name -> address, from now on."""
        self._bindings = [addresses[tensor.name] for tensor in self.tensors]

    def enqueue(self, stream_handle: int) -> None:
        """Queue one execution; raises RuntimeError when TensorRT refuses."""
        if not self._context.execute_async_v2(self._bindings, stream_handle):
            raise RuntimeError('TensorRT refused to execute')
