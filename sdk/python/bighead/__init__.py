"""Features written once, for training and for serving.

A definition file imports this package as ``bh`` and says what its sources, feature groups, views and training sets are.
Importing such a file does nothing but record; the binary, ``bighead``, checks what was recorded and computes it. In a
notebook or a script `Project` does the same over the same binary.

Examples
--------
>>> import bighead as bh
>>> flights = bh.EventSource("flights", path="data/flights.parquet", time="dep_time")
>>> carrier = bh.FeatureGroup(
...     "carrier",
...     source=flights,
...     keys=["carrier"],
...     features=[bh.avg("dep_delay", windows=["1h", "1d"]), bh.count(windows=["1d"])],
... )
>>> carrier
<FeatureGroup carrier: 2 features of flights by carrier>
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bighead._aggregations import *  # noqa: F403
from bighead._aggregations import __all__ as _aggregations
from bighead._compose import List, Map, Struct, optional
from bighead._feature import Feature
from bighead._models import Endpoint, Environment, LabelSource, Model, Pipeline, TimeSplit
from bighead._record import DefinitionError
from bighead._sources import EntitySource, EventSource, Table, Topic
from bighead._steps import *  # noqa: F403
from bighead._steps import __all__ as _steps
from bighead._training import Spine, TrainingSet
from bighead._types import Bool, Bytes, Date, Float, Int, String, Timestamp, Type
from bighead._values import typical
from bighead._version import __version__
from bighead._views import FeatureGroup, FeatureView, GroupUse, ViewSelection

if TYPE_CHECKING:
    from bighead._frames import ProjectError
    from bighead._project import Project

__all__ = [
    "EventSource",
    "EntitySource",
    "Topic",
    "Table",
    "Bool",
    "Int",
    "Float",
    "String",
    "Bytes",
    "Timestamp",
    "Date",
    "List",
    "Map",
    "Struct",
    "optional",
    "typical",
    "Type",
    "FeatureGroup",
    "Feature",
    "GroupUse",
    "FeatureView",
    "ViewSelection",
    "TrainingSet",
    "Spine",
    "Model",
    "Pipeline",
    "TimeSplit",
    "Environment",
    "Endpoint",
    "LabelSource",
    "Project",
    "ProjectError",
    "DefinitionError",
    "__version__",
]
__all__ += _aggregations
__all__ += _steps


def __getattr__(name: str) -> Any:
    if name in ("Project", "ProjectError"):  # a definition file has no use for it, nor for what it imports
        from bighead._frames import ProjectError
        from bighead._project import Project

        return Project if name == "Project" else ProjectError
    from bighead._unknown import unknown

    return unknown(__name__, name, __all__)
