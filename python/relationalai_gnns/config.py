"""How to train: TrainerConfig, whose parameters, defaults and bounds are the table PARAMETERS.

A parameter whose part of the engine is not built yet takes its default only.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any, Iterable, Mapping, Optional

from . import _check as check
from .connectors import Connector
from .errors import ValidationError
from .metrics import TaskType


@dataclass(frozen=True)
class Parameter:
    """One parameter of TrainerConfig.

    Attributes:
        name: as in TrainerConfig and in `config` of docs/spec.md.
        kind: "integer", "number", "boolean", "choice", "fanouts" or "names".
        default: what it is where the user says nothing.
        low, high: bounds; None: none.
        open_low, open_high: the bound itself is excluded.
        choices: of kind "choice".
        none: None may be given; it stands for this in words.
        even: odd numbers are refused.
        part: with which other values than the default come; None: they are built.
    """

    name: str
    kind: str
    default: Any
    low: Optional[float] = None
    high: Optional[float] = None
    open_low: bool = False
    open_high: bool = False
    choices: tuple[str, ...] = ()
    none: Optional[str] = None
    even: bool = False
    part: Optional[str] = None

    def check(self, value: Any) -> Any:
        """The value in its type.

        Raises:
            ValidationError: it is not allowed.
            NotBuiltError: it is allowed, but its part is not built.
        """
        checked = None if value is None and self.none is not None else self._checked(value)
        if self.part is not None and checked != self.default and not (checked is None and self.none == "default"):
            raise check.not_built(f"{self.name}={value!r}", self.part)
        return checked

    def _checked(self, value: Any) -> Any:
        if self.kind == "boolean":
            return check.boolean(self.name, value)
        if self.kind == "choice":
            return check.one_of(self.name, value, self.choices)
        if self.kind == "number":
            return check.number(self.name, value, self.low, self.high, open_low=self.open_low, open_high=self.open_high)
        if self.kind == "fanouts":
            return _fanouts(self.name, value)
        if self.kind == "names":
            return _names(self.name, value)
        number = check.integer(
            self.name, value, int(self.low) if self.low is not None else -(2**63), int(self.high) if self.high is not None else None
        )
        if self.even and number % 2:
            check.refuse(self.name, value, "an even number")
        return number


def _fanouts(name: str, value: Any) -> list[int]:
    allowed = "a list of 1 to 16 integers"
    found = check.items(name, value, allowed, longest=16)
    if not found:
        check.refuse(name, value, allowed)
    return [check.integer(f"{name}[{i}]", v, 1, 1_000_000) for i, v in enumerate(found)]


def _names(name: str, value: Any) -> list[str]:
    found = check.items(name, value, "a list of table names")
    return [str(check.text(f"{name}[{i}]", v)) for i, v in enumerate(found)]


_LARGEST = 2**63 - 1
_AGGREGATIONS = ("mean", "max", "sum")
_TEXT = "text models"

PARAMETERS: tuple[Parameter, ...] = (
    Parameter("device", "choice", None, choices=("cuda", "cpu"), none="the best that the engine has"),
    Parameter("seed", "integer", 42, 0, _LARGEST, none="default"),
    Parameter("n_epochs", "integer", 10, 1, _LARGEST),
    Parameter("max_iters", "integer", None, 1, _LARGEST, none="all batches"),
    Parameter("train_batch_size", "integer", 128, 1, 65536),
    Parameter("val_batch_size", "integer", 128, 1, 65536),
    Parameter("eval_every", "integer", 1, 1, _LARGEST),
    Parameter("patience", "integer", 5, 1, _LARGEST, none="never"),
    Parameter("lr", "number", 0.001, 0, open_low=True),
    Parameter("T_max", "integer", None, 1, _LARGEST, none="n_epochs"),
    Parameter("eta_min", "number", 1e-8, 0),
    Parameter("label_smoothing", "boolean", False),
    Parameter("label_smoothing_alpha", "number", 0.1, 0, 1, open_low=True, open_high=True),
    Parameter("clamp_min", "number", 0, none="no bound"),
    Parameter("clamp_max", "number", 100, none="no bound"),
    Parameter("channels", "integer", 128, 2, 4096, none="default", even=True),
    Parameter("gnn_layers", "integer", None, 1, 16, none="len(fanouts)"),
    Parameter("fanouts", "fanouts", [128, 64], none="default"),
    Parameter("conv_aggregation", "choice", "mean", choices=_AGGREGATIONS),
    Parameter("hetero_conv_aggregation", "choice", "sum", choices=_AGGREGATIONS),
    Parameter("gnn_norm", "choice", "layer_norm", choices=("batch_norm", "layer_norm", "instance_norm")),
    Parameter("head_layers", "integer", 1, 1, 16, none="default"),
    Parameter("head_norm", "choice", "batch_norm", choices=("batch_norm", "layer_norm")),
    Parameter("use_temporal_encoder", "boolean", True),
    Parameter("temporal_strategy", "choice", "uniform", choices=("uniform", "last")),
    Parameter("num_negative", "integer", 10, 1, 1_000_000, none="default"),
    Parameter("negative_sampling_strategy", "choice", "random", choices=("random", "degree_based"), none="default"),
    Parameter("text_embedder", "choice", "model2vec-potion-base-4M", choices=("model2vec-potion-base-4M", "bert-base-distill"), part=_TEXT),
    Parameter("id_awareness", "boolean", False),
    Parameter("shallow_embeddings_list", "names", []),
    Parameter("link_fusion", "boolean", False),
)
BY_NAME: Mapping[str, Parameter] = {p.name: p for p in PARAMETERS}

# Further keys of `config` in docs/spec.md that TrainerConfig has no argument for.
ENGINE_OPTIONS = (
    "checkpoint_every_seconds",
    "checkpoint_every_steps",
    "clamp_percentiles",
    "dropout",
    "encoder_blocks",
    "inference",
    "lr_schedule",
    "memory_limit",
    "precision",
    "subgraph_type",
    "threads",
    "visible_until",
    "weight_decay",
)


class _NotSaid(int):
    """A default that can be told from the same number given by the user."""


_CLAMP_MIN, _CLAMP_MAX = _NotSaid(0), _NotSaid(100)


@dataclass(frozen=True)
class ExperimentConfig:
    """Where a warehouse keeps experiments. Local hosts keep them in their state folder and do not use it.

    Attributes:
        database, schema: names in the warehouse.
    """

    database: str
    schema: str

    def __post_init__(self) -> None:
        check.text("database", self.database)
        check.text("schema", self.schema)

    def to_dict(self) -> dict[str, str]:
        """{"database", "schema"}."""
        return {"database": self.database, "schema": self.schema}


class TrainerConfig:
    """Hyperparameters of training. Each is an attribute, and is checked when it is set.

    device: "cuda" or "cpu"; None: the best that the engine has. "cuda" on an engine without a GPU runs on the CPU, with a warning.
    seed: same seed, same data: same model, bit for bit.
    n_epochs: passes over the training rows. max_iters: batches per epoch at most; None: all.
    train_batch_size, val_batch_size: rows a batch. eval_every: epochs between validations.
    patience: validations without improvement before training stops; None: never.
    lr, T_max, eta_min: learning rate, by a cosine over T_max epochs (None: n_epochs) down to eta_min.
    label_smoothing, label_smoothing_alpha: of classifications.
    clamp_min, clamp_max: bounds of a regression's predictions; None: none. The defaults don't apply where labels lie outside.
    channels: width of all layers; even. gnn_layers: None: one for each fanout. fanouts: neighbours sampled by hop.
    conv_aggregation, hetero_conv_aggregation: over neighbours, over kinds of edges. gnn_norm, head_layers, head_norm: of the layers.
    use_temporal_encoder, temporal_strategy: how times enter; "last" takes the newest neighbours, "uniform" any.
    num_negative, negative_sampling_strategy: of link_prediction: pairs that are no links, drawn for each row; any, or by how linked they are.
    id_awareness: a learnt vector marks the row that is predicted for among its neighbours. text_embedder: of text columns.
    shallow_embeddings_list: tables whose rows get a learnt vector each.
    link_fusion: of link_prediction: targets among a row's own neighbours are scored as repeated_link_prediction does, all others by two towers.
    """

    connector: Connector
    experiment_config: Optional[ExperimentConfig]
    engine_options: dict[str, Any]
    device: Optional[str]
    seed: Optional[int]
    n_epochs: int
    max_iters: Optional[int]
    train_batch_size: int
    val_batch_size: int
    eval_every: int
    patience: Optional[int]
    lr: float
    T_max: Optional[int]
    eta_min: float
    label_smoothing: bool
    label_smoothing_alpha: float
    clamp_min: Optional[float]
    clamp_max: Optional[float]
    channels: Optional[int]
    gnn_layers: Optional[int]
    fanouts: Optional[list[int]]
    conv_aggregation: str
    hetero_conv_aggregation: str
    gnn_norm: str
    head_layers: Optional[int]
    head_norm: str
    use_temporal_encoder: bool
    temporal_strategy: str
    num_negative: Optional[int]
    negative_sampling_strategy: Optional[str]
    text_embedder: str
    id_awareness: bool
    shallow_embeddings_list: list[str]
    link_fusion: bool

    def __init__(
        self,
        connector: Connector,
        device: Optional[str] = None,
        n_epochs: int = 10,
        experiment_config: Optional[ExperimentConfig] = None,
        max_iters: Optional[int] = None,
        train_batch_size: int = 128,
        val_batch_size: int = 128,
        eval_every: int = 1,
        patience: Optional[int] = 5,
        label_smoothing: bool = False,
        label_smoothing_alpha: float = 0.1,
        id_awareness: bool = False,
        use_temporal_encoder: bool = True,
        shallow_embeddings_list: Iterable[str] = (),
        clamp_min: Optional[float] = _CLAMP_MIN,
        clamp_max: Optional[float] = _CLAMP_MAX,
        seed: Optional[int] = 42,
        lr: float = 0.001,
        T_max: Optional[int] = None,
        eta_min: float = 1e-8,
        fanouts: Optional[Iterable[int]] = (128, 64),
        temporal_strategy: str = "uniform",
        num_negative: Optional[int] = 10,
        negative_sampling_strategy: Optional[str] = "random",
        text_embedder: str = "model2vec-potion-base-4M",
        channels: Optional[int] = 128,
        gnn_layers: Optional[int] = None,
        conv_aggregation: str = "mean",
        hetero_conv_aggregation: str = "sum",
        gnn_norm: str = "layer_norm",
        head_layers: Optional[int] = 1,
        head_norm: str = "batch_norm",
        *,
        link_fusion: bool = False,
        engine_options: Optional[Mapping[str, Any]] = None,
    ) -> None:
        """
        Args:
            connector: of the jobs.
            experiment_config: where a warehouse keeps experiments.
            engine_options: further keys of `config` in docs/spec.md, such as {"visible_until": "2010-01-01"}.

        The others are told by the class; PARAMETERS has their bounds.

        Raises:
            ValidationError: a value is out of bounds; the text has the parameter, what was given and what is allowed.
            NotBuiltError: the value's part of the engine is not built yet; the text names the part.
        """
        given = dict(locals())
        self.connector = check.instance("connector", connector, Connector)
        self.experiment_config = (
            None if experiment_config is None else check.instance("experiment_config", experiment_config, ExperimentConfig)
        )
        self.engine_options = _engine_options(engine_options)
        self._said: set[str] = set()
        for parameter in PARAMETERS:
            value = given[parameter.name]
            setattr(self, parameter.name, value)
            if isinstance(value, _NotSaid):
                self._said.discard(parameter.name)
        self.validate()

    def __setattr__(self, name: str, value: Any) -> None:
        if name in BY_NAME:
            value = BY_NAME[name].check(value)
            self._said.add(name)
        elif name not in ("connector", "experiment_config", "engine_options", "_said"):
            raise AttributeError(f'TrainerConfig has no parameter "{name}".{check.nearest(name, BY_NAME)}')
        super().__setattr__(name, value)

    def validate(self) -> bool:
        """Checks what can only be told of several parameters together. Returns True.

        Raises:
            ValidationError: what is wrong.
        """
        if self.eta_min > self.lr:
            raise ValidationError(f"eta_min: expected at most lr ({self.lr}), got {self.eta_min}", field="eta_min")
        if (
            self.clamp_min is not None
            and self.clamp_max is not None
            and self.clamp_min >= self.clamp_max
            and {"clamp_min", "clamp_max"} <= self._said
        ):
            raise ValidationError(f"clamp_min: expected less than clamp_max ({self.clamp_max}), got {self.clamp_min}", field="clamp_min")
        return True

    def to_dict(self) -> dict[str, Any]:
        """All parameters by name; those that default to another one carry its value."""
        out = {p.name: getattr(self, p.name) for p in PARAMETERS}
        for name, parameter in BY_NAME.items():
            if out[name] is None and parameter.none == "default":
                out[name] = parameter.default
        out["gnn_layers"] = self.gnn_layers if self.gnn_layers is not None else len(out["fanouts"])
        out["T_max"] = self.T_max if self.T_max is not None else self.n_epochs
        return {**out, **self.engine_options}

    def engine_config(self, task_type: Optional[str] = None) -> dict[str, Any]:
        """`config` of docs/spec.md: what differs from the default, and bounds of predictions wherever they were set.

        Args:
            task_type: of the job's task. Where it is no regression, bounds that were set to their defaults are left out: they bound nothing there.
        """
        self.validate()
        bounded = task_type in (None, TaskType.REGRESSION)
        out: dict[str, Any] = {}
        for parameter in PARAMETERS:
            value = getattr(self, parameter.name)
            if value is None and parameter.none == "default":
                continue
            if parameter.name in ("clamp_min", "clamp_max"):
                if parameter.name in self._said and (bounded or value != parameter.default):
                    out[parameter.name] = value
            elif value != parameter.default and not (parameter.name == "max_iters" and value == sys.maxsize):
                out[parameter.name] = value
        return {**out, **self.engine_options}

    def __repr__(self) -> str:
        changed = ", ".join(f"{k}={v!r}" for k, v in self.engine_config().items())
        return f"TrainerConfig({changed})"


def _engine_options(given: Optional[Mapping[str, Any]]) -> dict[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        check.refuse("engine_options", given, "a dict of further keys of `config` in docs/spec.md")
    for name in given:
        if name in BY_NAME:
            raise ValidationError(f'engine_options: "{name}" is an argument of TrainerConfig: give it there', field="engine_options")
        check.one_of("engine_options", name, ENGINE_OPTIONS)
    return {name: check.plain(value) for name, value in given.items()}
