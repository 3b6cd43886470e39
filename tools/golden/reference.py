"""The public model, put together as RelBench does, with the options that our configuration has; and the same model in float64."""
import copy

import torch
from relbench.modeling.nn import HeteroEncoder, HeteroGraphSAGE, HeteroTemporalEncoder
from torch.overrides import TorchFunctionMode
from torch_frame import TensorFrame, stype
from torch_frame.data.multi_embedding_tensor import MultiEmbeddingTensor
from torch_frame.nn import EmbeddingEncoder, LinearEmbeddingEncoder, LinearEncoder, MultiCategoricalEmbeddingEncoder, TimestampEncoder
from torch_frame.nn.encoding import CyclicEncoding, PositionalEncoding
from torch_geometric.nn import MLP, BatchNorm, InstanceNorm
from torch_geometric.nn import PositionalEncoding as TimeEncoding


class MaskedLinear(LinearEncoder):
    """LinearEncoder with the same values and a gradient that is a number where a value is null."""

    def encode_forward(self, feat, col_names=None):
        known = ~feat.isnan()
        z = ((feat - self.mean) / self.std).where(known, 0)
        return (z[..., None] * self.weight + self.bias) * known[..., None]


class MaskedEmbedding(LinearEmbeddingEncoder):
    """Likewise for embeddings."""

    def encode_forward(self, feat, col_names=None):
        columns = []
        for x, weight, bias in zip(feat.values.split(self.emb_dim_list, 1), self.weight_list, self.biases):
            known = ~x.isnan().any(1, keepdim=True)
            columns.append((x.where(known, 0) @ weight + bias) * known)
        return torch.stack(columns, 1)


ENCODERS = {stype.categorical: (EmbeddingEncoder, {}), stype.numerical: (MaskedLinear, {}), stype.timestamp: (TimestampEncoder, {}),
            stype.multicategorical: (MultiCategoricalEmbeddingEncoder, {}), stype.embedding: (MaskedEmbedding, {})}


class Gnn(HeteroGraphSAGE):
    def __init__(self, node_types, edge_types, case):
        super().__init__(node_types, edge_types, case.channels, case.conv, case.layers)
        norm = {"layer_norm": None, "batch_norm": lambda: BatchNorm(case.channels, allow_single_element=True),
                "instance_norm": lambda: InstanceNorm(case.channels)}[case.norm]
        for conv, norms in zip(self.convs, self.norms):
            conv.aggr = case.types
            if norm:
                norms.update({t: norm() for t in node_types})

    def forward(self, x, edges, owner, record):
        for l, (conv, norms) in enumerate(zip(self.convs, self.norms)):
            x = conv(x, edges)
            x = {t: norms[t](v, owner[t]) if isinstance(norms[t], InstanceNorm) else norms[t](v) for t, v in x.items()}
            x = {t: v.relu() for t, v in x.items()}
            record.update({f"layer.{l}.{t}": v for t, v in x.items()})
        return x


class Model(torch.nn.Module):
    def __init__(self, case, tables, frames, statistics, edge_types):
        super().__init__()
        c = case.channels
        self.encoder = HeteroEncoder(c, {t: f.col_names_dict for t, f in frames.items()}, statistics, default_stype_encoder_cls_kwargs=ENCODERS,
                                     torch_frame_model_kwargs={"channels": c, "num_layers": case.blocks, "dropout_prob": 0.0})
        timed = [t for t in tables if tables[t].time is not None] if case.temporal else []
        self.temporal = HeteroTemporalEncoder(timed, c)
        self.shallow = torch.nn.ModuleDict({t: torch.nn.Embedding(tables[t].rows, c) for t in case.shallow})
        self.gnn = Gnn(list(tables), edge_types, case)
        per_row = {"norm_kwargs": {"mode": "node"}} if case.head_norm == "layer_norm" else {}
        mlp = lambda outputs: MLP([c] * case.head_layers + [outputs], norm=case.head_norm, **per_row)
        self.readout, self.target = case.readout, case.target
        self.head = mlp({"towers": c, "fusion": c + 1}.get(case.readout, case.outputs))
        self.target_head = mlp(1) if case.readout == "fusion" else None
        self.id_awareness = torch.nn.Embedding(1, c) if case.id_awareness else None

    def forward(self, i):
        """`i`: Inputs. Returns what the head gives for the seeds (readout "targets": for the target type's nodes); `self.record` holds what lies between
        and, of fusion, the target head's outputs."""
        record = self.record = {}
        x = self.encoder(i.frames)
        record.update({f"encoder.{t}": v for t, v in x.items()})
        if self.id_awareness is not None:
            x |= {t: torch.cat([x[t][:n] + self.id_awareness.weight, x[t][n:]]) for t, n in i.roots.items()}
        timed = {t: i.time[t] for t in self.temporal.lin_dict}
        for t, v in self.temporal(i.seed_time, timed, i.owner).items():
            x[t] = x[t] + v
        for t, embedding in self.shallow.items():
            x[t] = x[t] + embedding(i.row[t])
        record.update({f"input.{t}": v for t, v in x.items()})
        x = self.gnn(x, i.edges, i.owner, record)
        if self.target_head is not None:
            record["target_head"] = self.target_head(x[self.target])
        record["head"] = self.head(x[self.target] if self.readout == "targets" else torch.cat([x[t][:n] for t, n in i.roots.items()]))
        return record["head"]


@torch.no_grad()
def perturb(model, seed):
    """So that no bias is 0, no norm weight 1 and no running statistic its initial value; rows for null stay 0."""
    noise = torch.Generator().manual_seed(seed)
    for p in model.parameters():
        p.add_(0.05 * torch.randn(p.shape, generator=noise))
    for m in model.modules():
        if getattr(m, "padding_idx", None) is not None:
            m.weight[m.padding_idx] = 0
        if isinstance(m, torch.nn.BatchNorm1d):
            m.running_mean.add_(0.2 * torch.randn(m.running_mean.shape, generator=noise))
            m.running_var.mul_(1 + torch.rand(m.running_var.shape, generator=noise))


def in_double(model, statistics):
    """The same function in float64, but for the encodings of times, which stay in float32."""
    model = copy.deepcopy(model)
    encodings = [m for m in model.modules() if isinstance(m, (PositionalEncoding, CyclicEncoding, TimeEncoding))]
    kept = [[b.clone() for b in m.buffers()] for m in encodings]
    model.double()
    for m, buffers in zip(encodings, kept):
        for (name, _), b in zip(list(m.named_buffers()), buffers):
            setattr(m, name, b)
        m.register_forward_hook(lambda m, args, out: out.double())
    for t, encoder in model.encoder.encoders.items():
        for kind in encoder.encoder.encoder_dict.values():
            if isinstance(kind, LinearEncoder):
                known = [{k.value: v for k, v in s.items()} for s in kind.stats_list]
                kind.mean = torch.tensor([s["MEAN"] for s in known], dtype=torch.float64)
                kind.std = torch.tensor([s["STD"] for s in known], dtype=torch.float64) + 1e-6
    return model


class Inputs:
    """A batch as the reference takes it, per node (not per distinct row), in float32 or float64."""

    def __init__(self, batch, case, tables, frames, double):
        self.seed_time, self.roots = torch.from_numpy(batch.seed_time), batch.roots(case.entity, case.target)
        self.row = {t: torch.from_numpy(v) for t, v in batch.row.items()}
        self.owner = {t: torch.from_numpy(v) for t, v in batch.owner.items()}
        self.time = {t: torch.from_numpy(v.time[batch.row[t]]) for t, v in tables.items() if v.time is not None}
        self.edges = {k: torch.from_numpy(batch.edge_index(k)) for k in batch.sources}
        self.frames = {t: widen(f[self.row[t]], double) for t, f in frames.items()}


def widen(frame, double):
    if not double:
        return frame
    def wide(v):
        if isinstance(v, MultiEmbeddingTensor):
            return MultiEmbeddingTensor(v.num_rows, v.num_cols, v.values.double(), v.offset)
        return v.double() if torch.is_tensor(v) and v.is_floating_point() else v
    return TensorFrame({s: wide(v) for s, v in frame.feat_dict.items()}, frame.col_names_dict)


class Margins(TorchFunctionMode):
    """How near the closest input of a ReLU came to 0, and the closest runner-up to a maximum, relative to the tensor's largest value."""

    def __init__(self):
        super().__init__()
        self.relu = self.maximum = float("inf")

    def __torch_function__(self, function, types, args=(), kwargs=None):
        name, kwargs = getattr(function, "__name__", ""), kwargs or {}
        with torch.no_grad():
            if name == "relu" and args[0].count_nonzero():  # an exact 0 (instance norm of a single node) is one in float32 too
                self.relu = min(self.relu, relative(args[0][args[0] != 0].abs(), args[0]))
            elif function is torch.max and kwargs.get("dim") == 0 and args[0].numel():
                first, second = args[0].topk(2, 0).values
                self.maximum = min(self.maximum, relative(first - second, args[0]))
            elif name == "scatter_reduce_" and kwargs.get("reduce") == "amax" and args[3].numel():
                self.maximum = min(self.maximum, self.scatter_margin(args[2], args[3]))
        return function(*args, **kwargs)

    @staticmethod
    def scatter_margin(index, values):
        """Equal values are no danger: they are zeros behind a ReLU, or equal rows, and share the gradient."""
        least = float("inf")
        for target in index[:, 0].unique():
            ordered = values[index[:, 0] == target].sort(0).values
            gaps = (ordered[-1:] - ordered[:-1]) / values.abs().max()
            least = min([least, *gaps[gaps > 1e-12].flatten().tolist()])
        return least


def relative(least, tensor):
    return float(least.min() / tensor.abs().max().clamp_min(1e-30))
