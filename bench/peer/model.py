"""RelBench's model (HeteroEncoder + HeteroTemporalEncoder + HeteroGraphSAGE + linear head) on sampled subgraphs, with clock marks."""
import time

import torch
from relbench.modeling.nn import HeteroEncoder, HeteroGraphSAGE, HeteroTemporalEncoder
from torch_geometric.data import HeteroData
from torch_geometric.nn import MLP

clock = time.perf_counter


def to_hetero(batch, graph, seed_time, dedup=False):
    """Subgraphs as the mini-batch that PyG's NeighborLoader would give; with dedup, tf holds each distinct row once and `copy` says which one a node is."""
    out = HeteroData()
    for t in graph.node_types:
        rows = torch.from_numpy(batch.row[t])
        out[t].n_id, out[t].batch, out[t].num_nodes = rows, torch.from_numpy(batch.owner[t]), len(rows)
        if dedup:
            rows, out[t].copy = rows.unique(return_inverse=True)
        out[t].tf = graph[t].tf[rows]
        if "time" in graph[t]:
            out[t].time = graph[t].time[out[t].n_id]
    for k in graph.edge_types:
        out[k].edge_index = torch.from_numpy(batch.edge[k])
    out.seed_time = torch.from_numpy(seed_time)
    return out


class Model(torch.nn.Module):
    """`dedup` is the same mathematics with less work: distinct rows are encoded once, each layer runs only for the node types the next reads."""

    def __init__(self, graph, col_stats, channels, layers, aggr, blocks, dedup, outputs=1):
        super().__init__()
        self.dedup = dedup
        self.encoder = HeteroEncoder(
            channels, {t: graph[t].tf.col_names_dict for t in graph.node_types}, col_stats,
            torch_frame_model_kwargs={"channels": channels, "num_layers": blocks})
        self.temporal = HeteroTemporalEncoder([t for t in graph.node_types if "time" in graph[t]], channels)
        self.gnn = HeteroGraphSAGE(graph.node_types, graph.edge_types, channels, aggr, layers)
        self.head = MLP(channels, out_channels=outputs, norm="batch_norm", num_layers=1)
        for part in self.children():
            part.reset_parameters()
        self.marks = {}

    def forward(self, batch, reads):
        """reads: node type -> how many of its first nodes are seeds. Returns what the head makes of them."""
        marks = self.marks = {"start": clock()}
        x = self.encoder(batch.tf_dict)
        if self.dedup:
            x = {t: v[batch[t].copy] for t, v in x.items()}
        marks["encoder"] = clock()
        self.mark_backward(x, "encoder_backward")
        for t, r in self.temporal(batch.seed_time, batch.time_dict, batch.batch_dict).items():
            x[t] = x[t] + r
        marks["temporal"] = clock()
        self.mark_backward(x, "gnn_backward")
        x = self.trimmed_gnn(x, batch.edge_index_dict, reads) if self.dedup else self.gnn(x, batch.edge_index_dict)
        marks["gnn"] = clock()
        return {t: self.head(x[t][:seeds]) for t, seeds in reads.items()}

    def mark_backward(self, x, name):
        """Note when the backward pass first reaches x, where what lies behind it is done and what lies before it begins."""
        for v in x.values():
            if v.requires_grad:
                v.register_hook(lambda g: self.marks.setdefault(name, clock()) and None)

    def trimmed_gnn(self, x, edges, reads):
        need, layers = set(reads), []
        for conv, norm in list(zip(self.gnn.convs, self.gnn.norms))[::-1]:
            used = {k: e for k, e in edges.items() if k[2] in need}
            layers.insert(0, (conv, norm, used))
            need = need | {k[0] for k in used}
        for conv, norm, used in layers:
            x = {t: norm[t](v).relu() for t, v in conv(x, used).items()}
        return x
