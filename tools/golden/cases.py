"""The cases: each option of the model once, in a model as small as it allows."""
from dataclasses import dataclass

PAIR = ("drivers", "results")
SMALL = ("drivers", "races", "results")
# Races reach other races by way of their circuit, so that the seeds' type has nodes that are not seeds.
CIRCUIT = ("circuits", "races", "results")
LINK = ("circuits", "drivers", "races", "results")
ONE_COLUMN = {"circuits": ("alt",), "drivers": (), "races": ("round",), "results": ("points",)}
COLUMNS = {"results": ("grid", "points", "rank", "date"), "races": ("year", "date"), "circuits": ("lat", "alt"), "constructor_results": ("points",)}


@dataclass
class Case:
    name: str
    about: str
    tables: tuple = ()        # none: all
    columns: tuple = None     # none: all
    entity: str = "drivers"
    seeds: int = 6
    fanouts: tuple = (5, 3)
    channels: int = 6
    blocks: int = 1
    layers: int = 2
    conv: str = "sum"
    types: str = "sum"
    norm: str = "layer_norm"
    head_layers: int = 1
    head_norm: str = "batch_norm"
    temporal: bool = True
    shallow: tuple = ()
    loss: str = "binary_cross_entropy"
    outputs: int = 1
    smoothing: float = 0.0
    task: str = "driver-dnf"
    reaches: tuple = ()       # tables that must have nodes
    readout: str = "seeds"    # what the heads read: towers, targets (repeated links), fusion (both)
    target: str = None        # links: table of the targets
    negatives: int = 0
    id_awareness: bool = False
    both_ways: bool = False   # every sampled edge in the other direction too

    def __post_init__(self):
        self.columns = {t: COLUMNS[t] for t in self.tables if t in COLUMNS} if self.columns is None else self.columns

    @property
    def towers(self):
        return self.readout in ("towers", "fusion")

    @property
    def read(self):
        """Tables whose nodes a head reads."""
        return {self.entity, self.target} - {None} if self.readout != "targets" else {self.target}


CASES = [
    Case("whole_model", "all tables and columns, sum over neighbours and types, layer norm, two blocks, binary task", columns={}, seeds=8, fanouts=(6, 4), blocks=2,
         reaches=("constructors", "qualifying", "races", "results", "standings")),
    Case("three_hops", "three hops and layers: every node type has nodes, and rows of the seeds' type are reached again by way of others",
         ("circuits", "constructor_results", "constructors", "drivers", "races", "results"), entity="races", seeds=3, fanouts=(4, 3, 2), layers=3),
    Case("regression_mean", "L1 loss, mean over neighbours", PAIR, conv="mean", loss="l1", task="driver-position", blocks=2),
    Case("max_neighbours_mean_types", "max over neighbours, mean over types", SMALL, conv="max", types="mean"),
    Case("max_types", "max over types", SMALL, types="max"),
    Case("batch_norm", "batch norm between layers: statistics of a type's nodes, running statistics, evaluation", CIRCUIT, entity="races", seeds=5, fanouts=(4, 4), norm="batch_norm"),
    Case("instance_norm", "instance norm per type and seed", CIRCUIT, entity="races", seeds=4, fanouts=(8, 6), norm="instance_norm"),
    Case("head_batch_norm", "head of two layers with batch norm, and its evaluation", PAIR, head_layers=2),
    Case("multiclass", "cross entropy with label smoothing, four classes", PAIR, loss="cross_entropy", outputs=4, smoothing=0.1, task="driver-position"),
    Case("multilabel", "binary cross entropy over three labels, head of three layers with layer norm per row", PAIR, loss="multilabel_cross_entropy", outputs=3,
         head_layers=3, head_norm="layer_norm"),
    Case("binary_smoothing", "binary cross entropy with label smoothing: targets y (1 - a) + a / 2", PAIR, {"results": ("points",)}, fanouts=(3,), layers=1, channels=4, smoothing=0.2),
    Case("multilabel_smoothing", "binary cross entropy over three labels with label smoothing", PAIR, {"results": ("points",)}, fanouts=(3,), layers=1, channels=4,
         loss="multilabel_cross_entropy", outputs=3, smoothing=0.1),
    Case("nulls", "nulls in every kind of column, embeddings, lists of categories, a self reference, two keys to one table, null keys", ("people", "trades"), {},
         entity="people", seeds=8, blocks=2, conv="mean"),
    Case("empty_edges", "node types without a node, edge types without an edge", ("circuits", "drivers", "races", "results"), fanouts=(4,), layers=2, seeds=4),
    Case("one_block", "one block, tables of a single column: the shortcut is the identity", SMALL, {"results": ("points",), "races": ("year",)}, fanouts=(4, 3), channels=8),
    Case("two_towers", "links: sources and targets through the same model, three hops", LINK, ONE_COLUMN, seeds=4, fanouts=(3, 2, 2), layers=3, channels=4,
         readout="towers", target="circuits", negatives=3, loss="bpr"),
    Case("two_towers_id_awareness", "links: a learned vector marks the seeds of both types, fewer layers than hops", LINK, ONE_COLUMN, seeds=4, fanouts=(3, 2, 2),
         channels=4, readout="towers", target="circuits", negatives=3, id_awareness=True, loss="bpr"),
    Case("repeated_links", "repeated links: the circuits in the drivers' subgraphs, marked drivers, edges in both directions as published", LINK, ONE_COLUMN, seeds=4,
         fanouts=(3, 2, 2), layers=3, channels=4, readout="targets", target="circuits", id_awareness=True, both_ways=True, reaches=("circuits",)),
    Case("repeated_links_two_layers", "repeated links: the races in the drivers' subgraphs, two layers for three hops", SMALL, ONE_COLUMN, seeds=4,
         fanouts=(3, 2, 2), channels=4, readout="targets", target="races", id_awareness=True, reaches=("races",)),
    Case("fusion", "links: pairwise scores inside the subgraph, two towers outside", SMALL, ONE_COLUMN, seeds=4, fanouts=(3, 2, 2), channels=4, readout="fusion",
         target="races", negatives=4, id_awareness=True, loss="fusion", reaches=("races",)),
    Case("shallow", "shallow embeddings, no temporal encoder", CIRCUIT, entity="races", temporal=False, shallow=("circuits",), conv="mean"),
]
