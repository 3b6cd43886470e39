"""ModelManager: names and versions of trained models. All of it comes with the model registry part."""

from __future__ import annotations

from typing import Any, NamedTuple, NoReturn, Optional

from . import _check as check
from .config import ExperimentConfig
from .connectors import Connector
from .errors import ModelManagerError

_REGISTRY = "model registry"


class RegisteredModel(NamedTuple):
    """A version of a registered model: its name, its version, and the job that trained it."""

    name: str
    version: str
    run_id: str


class ModelManager:
    """Lists, registers and deletes models. Each call checks its arguments and refuses with NotBuiltError, so far."""

    def __init__(self, connector: Connector) -> None:
        """connector: of the host."""
        self.connector = check.instance("connector", connector, Connector)

    def list_models(self) -> list[dict[str, Any]]:
        """The trained models of the host."""
        raise check.not_built("list_models()", _REGISTRY)

    def list_registered_models(self, database_name: Optional[str] = None, schema_name: Optional[str] = None) -> list[RegisteredModel]:
        """The registered models, of a warehouse's schema where it is named."""
        _texts(database_name=database_name, schema_name=schema_name)
        raise check.not_built("list_registered_models()", _REGISTRY)

    def register_model(
        self,
        model_run_id: str,
        model_name: str,
        version_name: Optional[str] = None,
        database_name: Optional[str] = None,
        schema_name: Optional[str] = None,
        comment: Optional[str] = None,
    ) -> RegisteredModel:
        """Gives a model a name and a version.

        Args:
            model_run_id: the model of a job that trained.
            model_name: the name.
            version_name: None: the next number.
            database_name, schema_name: of a warehouse's registry.
            comment: kept with the version.
        """
        check.text("model_run_id", model_run_id)
        check.name_without("model_name", model_name, "/")
        _texts(version_name=version_name, database_name=database_name, schema_name=schema_name, comment=comment)
        raise check.not_built("register_model()", _REGISTRY)

    def delete_model(
        self, model_run_id: str, experiment_config: Optional[ExperimentConfig] = None, delete_experiment_run: bool = True
    ) -> NoReturn:
        """Deletes a model.

        Args:
            model_run_id: the model of a job that trained.
            experiment_config: where a warehouse keeps its experiment.
            delete_experiment_run: what was recorded of its training goes too.
        """
        check.text("model_run_id", model_run_id)
        _experiment(experiment_config)
        check.boolean("delete_experiment_run", delete_experiment_run)
        raise check.not_built("delete_model()", _REGISTRY)

    def delete_registered_model(self, model_name: str, version_name: str, experiment_config: Optional[ExperimentConfig] = None) -> NoReturn:
        """Deletes a version of a registered model; the model itself stays.

        Args:
            model_name, version_name: of the version.
            experiment_config: where a warehouse keeps it.
        """
        check.name_without("model_name", model_name, "/")
        check.text("version_name", version_name)
        _experiment(experiment_config)
        raise check.not_built("delete_registered_model()", _REGISTRY)


def _texts(**given: Optional[str]) -> None:
    for name, value in given.items():
        if value is not None:
            check.text(name, value)


def _experiment(given: Optional[ExperimentConfig]) -> None:
    if given is not None and not isinstance(given, ExperimentConfig):
        raise ModelManagerError(f"experiment_config: expected an ExperimentConfig, got {check.shown(given)}", field="experiment_config")
