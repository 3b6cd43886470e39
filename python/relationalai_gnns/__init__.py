"""GNN-RLE: predictions from relational databases by graph neural networks.

    from relationalai_gnns import LocalConnector, GNNTable, NodeTask, Dataset, TrainerConfig, Trainer

docs/sdk.md has every call. Names are loaded when they are first used, so that importing this package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._version import __version__

if TYPE_CHECKING:
    from .columns import ColumnDType, ColumnNotFoundError
    from .config import ExperimentConfig, TrainerConfig
    from .connectors import Connector, LocalConnector
    from .dataset import Dataset, TableNotFoundError
    from .diagram import DatasetDiagram, GraphvizError
    from .errors import (
        AccessError,
        AuthenticationError,
        BusyError,
        ConflictError,
        ConnectionError,
        GNNError,
        GNNWarning,
        HostIOError,
        HostStartError,
        HostTimeoutError,
        HostVersionError,
        InternalError,
        JobCanceledError,
        JobCredentialsError,
        JobDataError,
        JobError,
        JobFailedError,
        JobHandlerError,
        JobIOError,
        JobKilledError,
        JobManagerError,
        JobMemoryError,
        JobMonitorError,
        JobNumericError,
        JobTimeoutError,
        MissingPackageError,
        ModelManagerError,
        NotBuiltError,
        NotFoundError,
        ValidationError,
    )
    from .jobs import JobHandler, JobManager, JobMonitor, JobResult
    from .metrics import EvaluationMetric, TaskType
    from .models import ModelManager, RegisteredModel
    from .outputs import DuckDBSettings, FileExtension, LocalSettings, OutputConfig, PostgresSettings, SQLiteSettings, SnowflakeSettings
    from .provider import Provider
    from .snowflake import SnowflakeConnector, SnowflakeConnectorDirectAccess
    from .tables import CandidateKey, ForeignKey, GNNTable, TableType
    from .tasks import LinkTask, NodeTask, Task
    from .trainer import Trainer

_MODULES = {
    "columns": ("ColumnDType", "ColumnNotFoundError"),
    "config": ("ExperimentConfig", "TrainerConfig"),
    "connectors": ("Connector", "LocalConnector"),
    "dataset": ("Dataset", "TableNotFoundError"),
    "diagram": ("DatasetDiagram", "GraphvizError"),
    "errors": (
        "AccessError",
        "AuthenticationError",
        "BusyError",
        "ConflictError",
        "ConnectionError",
        "GNNError",
        "GNNWarning",
        "HostIOError",
        "HostStartError",
        "HostTimeoutError",
        "HostVersionError",
        "InternalError",
        "JobCanceledError",
        "JobCredentialsError",
        "JobDataError",
        "JobError",
        "JobFailedError",
        "JobHandlerError",
        "JobIOError",
        "JobKilledError",
        "JobManagerError",
        "JobMemoryError",
        "JobMonitorError",
        "JobNumericError",
        "JobTimeoutError",
        "MissingPackageError",
        "ModelManagerError",
        "NotBuiltError",
        "NotFoundError",
        "ValidationError",
    ),
    "jobs": ("JobHandler", "JobManager", "JobMonitor", "JobResult"),
    "metrics": ("EvaluationMetric", "TaskType"),
    "models": ("ModelManager", "RegisteredModel"),
    "outputs": (
        "DuckDBSettings",
        "FileExtension",
        "LocalSettings",
        "OutputConfig",
        "PostgresSettings",
        "SQLiteSettings",
        "SnowflakeSettings",
    ),
    "provider": ("Provider",),
    "snowflake": ("SnowflakeConnector", "SnowflakeConnectorDirectAccess"),
    "tables": ("CandidateKey", "ForeignKey", "GNNTable", "TableType"),
    "tasks": ("LinkTask", "NodeTask", "Task"),
    "trainer": ("Trainer",),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "AccessError",
    "AuthenticationError",
    "BusyError",
    "CandidateKey",
    "ColumnDType",
    "ColumnNotFoundError",
    "ConflictError",
    "ConnectionError",
    "Connector",
    "Dataset",
    "DatasetDiagram",
    "DuckDBSettings",
    "EvaluationMetric",
    "ExperimentConfig",
    "FileExtension",
    "ForeignKey",
    "GNNError",
    "GNNTable",
    "GNNWarning",
    "GraphvizError",
    "HostIOError",
    "HostStartError",
    "HostTimeoutError",
    "HostVersionError",
    "InternalError",
    "JobCanceledError",
    "JobCredentialsError",
    "JobDataError",
    "JobError",
    "JobFailedError",
    "JobHandler",
    "JobHandlerError",
    "JobIOError",
    "JobKilledError",
    "JobManager",
    "JobManagerError",
    "JobMemoryError",
    "JobMonitor",
    "JobMonitorError",
    "JobNumericError",
    "JobResult",
    "JobTimeoutError",
    "LinkTask",
    "LocalConnector",
    "LocalSettings",
    "MissingPackageError",
    "ModelManager",
    "ModelManagerError",
    "NodeTask",
    "NotBuiltError",
    "NotFoundError",
    "OutputConfig",
    "PostgresSettings",
    "Provider",
    "RegisteredModel",
    "SQLiteSettings",
    "SnowflakeConnector",
    "SnowflakeConnectorDirectAccess",
    "SnowflakeSettings",
    "TableNotFoundError",
    "TableType",
    "Task",
    "TaskType",
    "Trainer",
    "TrainerConfig",
    "ValidationError",
    "__version__",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
