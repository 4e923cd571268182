"""Which variants of a recipe are compared."""
from __future__ import annotations

from typing import Annotated, Any, Dict, List

import pydantic

Name = Annotated[str, pydantic.StringConstraints(pattern=r'^[A-Za-z0-9_][A-Za-z0-9_.-]*$')]
Seeds = Annotated[List[Annotated[int, pydantic.Field(ge=0)]], pydantic.Field(min_length=1)]


class Row(pydantic.BaseModel):
    """What a row changes in the recipe; null removes a key."""

    model_config = pydantic.ConfigDict(extra='allow')

    seeds: Seeds = []  # instead of the ablation's

    @pydantic.model_validator(mode='after')
    def _consistent(self) -> Row:
        if 'seed' in self.changes:
            raise ValueError(f'seed: give seeds: [{self.changes["seed"]}]')
        return self

    @property
    def changes(self) -> Dict[str, Any]:
        """Everything but the seeds."""
        return self.model_extra or {}


class Ablation(pydantic.BaseModel):
    """Rows by name; none: the grid that follows from the recipe's own sections."""

    model_config = pydantic.ConfigDict(extra='forbid')

    seeds: Seeds = [0]
    reference: str = ''  # row that the others are compared with; '': the first
    rows: Dict[Name, Row] = {}

    @pydantic.model_validator(mode='after')
    def _consistent(self) -> Ablation:
        if self.reference and self.reference not in self.rows:
            raise ValueError(f'reference {self.reference!r} is none of the rows')
        return self
