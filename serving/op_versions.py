"""Which servers know the ops of a graph: what TF Serving's releases link, and what is newer.

The facts come from the op lists of the released wheels (`TF_GetAllOpList` of tensorflow-cpu 2.16.2,
2.17.1, 2.18.1, 2.19.1, 2.20.0 and 2.21.0, and of TF Text 2.12.1 to 2.21.1 loaded into them),
compared with those of the release before. Imports no TensorFlow.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any

from preprocessing.errors import InputError

Minor = tuple[int, int]


@dataclasses.dataclass(frozen=True)
class Server:
    """A release of TF Serving: the libraries that it links."""

    core: Minor  # of TensorFlow
    text: Minor  # of TF Text
    graph_def_version: int  # TF_GRAPH_DEF_VERSION of that TensorFlow


# TF Serving links the TensorFlow of its own number, but TF Text 2.12.1 up to its own 2.19.1.
SERVERS = {
    "2.16": Server((2, 16), (2, 12), 1766),
    "2.17": Server((2, 17), (2, 12), 1882),
    "2.18": Server((2, 18), (2, 12), 1994),
    "2.19": Server((2, 19), (2, 12), 2129),
    "2.20": Server((2, 20), (2, 20), 2288),
    "2.21": Server((2, 21), (2, 20), 2474),
}
OLDEST_SERVER = "2.16"

_NEWER_TEXT_OPS = {
    (2, 16): ("TFText>RoundRobinGenerateMasks", "TFText>RoundRobinTrim", "TFText>Utf8Binarize")
}
_NEWER_CORE_OPS: dict[Minor, tuple[str, ...]] = {
    (2, 17): (
        "CalibrationStatisticsSaver", "ComputeDedupDataSizeV2", "ComputeDedupDataTupleMaskV2",
        "ConvertToListOfSparseCoreCooTensors", "ConvertToSparseCoreCsrWrappedCooTensor",
        "FinalizeTPUEmbeddingV2", "GetStatsFromListOfSparseCoreCooTensors", "GetTpuTaskId",
        "GlobalShuffleDataset", "IndexFlatMapDataset", "IteratorGetModelProto",
        "SortListOfSparseCoreCooTensors", "UpdateTaskIdAndGlobalCoreArray",
        "WeightedFlatMapDataset", "XlaRecvTPUEmbeddingActivationsV2",
        "XlaRecvTPUEmbeddingDeduplicationDataV2", "XlaSendTPUEmbeddingGradientsV2",
        "XlaSparseDenseMatmulGradWithAdagradAndStaticBufferSize",
        "XlaSparseDenseMatmulGradWithAdagradMomentumAndStaticBufferSize",
        "XlaSparseDenseMatmulGradWithAdamAndStaticBufferSize",
        "XlaSparseDenseMatmulGradWithFtrlAndStaticBufferSize",
        "XlaSparseDenseMatmulGradWithSgdAndStaticBufferSize",
        "XlaSparseDenseMatmulWithStaticBufferSize", "_MklNativeSparseMatrixMatMul",
        "_QuantizedMatMul",
    ),
    (2, 18): ("CheckPinned", "XlaSparseDenseMatmulGradWithCsrInput"),
    (2, 20): (
        "DecodeWebP", "TPUDummyInput", "XlaSparseActivationsUnstack", "XlaSparseGradientsStack",
        "XlaSparseDenseMatmulCustomCombinerOnTcGradWithAdagradAndCsrInput",
        "XlaSparseDenseMatmulCustomCombinerOnTcGradWithAdagradMomentumAndCsrInput",
        "XlaSparseDenseMatmulCustomCombinerOnTcGradWithAdamAndCsrInput",
        "XlaSparseDenseMatmulCustomCombinerOnTcGradWithCsrInput",
        "XlaSparseDenseMatmulCustomCombinerOnTcGradWithFtrlAndCsrInput",
        "XlaSparseDenseMatmulCustomCombinerOnTcGradWithSgdAndCsrInput",
        "XlaSparseDenseMatmulCustomCombinerOnTcWithCsrInput",
    ),
    (2, 21): ("DecodeJxl", "_CopyFromGpuToHost", "_CopyFromHostToGpu"),
}  # fmt: skip
# Attributes that older ops do not have. A server refuses a node with one, even at its default.
_NEWER_ATTRIBUTES: dict[Minor, dict[str, tuple[str, ...]]] = {
    (2, 17): {
        "bad_indices_policy": ("GatherNd",),
        "mixed_priority_policy": ("BatchFunction",),
        "num_bins": ("CustomAggregator",),
    },
    (2, 18): {
        "bad_indices_policy": (
            "ResourceScatterNdAdd", "ResourceScatterNdMax", "ResourceScatterNdMin",
            "ResourceScatterNdSub", "ResourceScatterNdUpdate", "ScatterNd", "ScatterNdAdd",
            "ScatterNdMax", "ScatterNdMin", "ScatterNdNonAliasingAdd", "ScatterNdSub",
            "ScatterNdUpdate", "TensorScatterAdd", "TensorScatterMax", "TensorScatterMin",
            "TensorScatterSub", "TensorScatterUpdate",
        ),
        "batch_padding_policy": ("BatchFunction",),
        "force_synchronous": ("ExperimentalMapDataset", "MapDataset"),
        "use_unbounded_threadpool": ("ParallelMapDatasetV2",),
    },
    (2, 21): {"Tshape": ("TensorListGetItem",)},
}  # fmt: skip
# Element types that older ops do not take: op, attribute, number in types.proto.
_NEWER_TYPES: dict[Minor, tuple[tuple[str, str, int], ...]] = {
    (2, 17): (("StringToNumber", "out_type", 22), ("StringToNumber", "out_type", 23)),
    (2, 20): (
        ("Range", "Tidx", 23), ("UniformDequantize", "Tin", 12), ("UniformQuantize", "Tout", 12),
    ),
}  # fmt: skip

_TEXT_SINCE = {op: since for since, ops in _NEWER_TEXT_OPS.items() for op in ops}
_CORE_SINCE = {op: since for since, ops in _NEWER_CORE_OPS.items() for op in ops}
_ATTRIBUTE_SINCE = {
    (op, attribute): since
    for since, attributes in _NEWER_ATTRIBUTES.items()
    for attribute, ops in attributes.items()
    for op in ops
}
_TYPE_SINCE = {entry: since for since, entries in _NEWER_TYPES.items() for entry in entries}


@dataclasses.dataclass(frozen=True)
class Need:
    """Something of a graph that not every server knows."""

    what: str  # "op TFText>RoundRobinTrim"
    place: str  # "function __inference_serving_default_12, node trim"
    library: str  # "TensorFlow" or "TF Text"
    since: Minor  # the first of the library's releases that we know to have it

    def is_met_by(self, server: Server) -> bool:
        """Whether a server links a library that is new enough."""
        return (server.text if self.library == "TF Text" else server.core) >= self.since


def nodes(graph: Any) -> Iterator[tuple[str, Any]]:
    """All nodes of a GraphDef, those of its functions too, each with where it is."""
    for node in graph.node:
        yield f"node {node.name}", node
    for function in graph.library.function:
        for node in function.node_def:
            yield f"function {function.signature.name}, node {node.name}", node


def ops_of(graph: Any) -> list[str]:
    """The names of a GraphDef's ops, sorted."""
    return sorted({node.op for _, node in nodes(graph)})


def needs(graph: Any) -> Iterator[Need]:
    """What a GraphDef uses that is newer than the oldest server."""
    for place, node in nodes(graph):
        if since := _TEXT_SINCE.get(node.op):
            yield Need(f"op {node.op}", place, "TF Text", since)
        if since := _CORE_SINCE.get(node.op):
            yield Need(f"op {node.op}", place, "TensorFlow", since)
        for name, value in node.attr.items():
            since = _ATTRIBUTE_SINCE.get((node.op, name))
            since = since or _TYPE_SINCE.get((node.op, name, value.type))
            if since:
                yield Need(f"attribute {name} of op {node.op}", place, "TensorFlow", since)


def oldest_server(graph: Any) -> str | None:
    """The oldest release of TF Serving that knows all of a GraphDef; None: no one that we know."""
    found = list(needs(graph))
    for name, server in SERVERS.items():
        new_enough = graph.versions.min_consumer <= server.graph_def_version
        if new_enough and all(need.is_met_by(server) for need in found):
            return name
    return None


def check_server(graph: Any, asked: str) -> None:
    """Checks that a release of TF Serving, and so every later one, knows all of a GraphDef.

    Args:
        graph: a GraphDef.
        asked: a key of `SERVERS`.

    Raises:
        InputError: it lacks something; the message names the first, its place, and who has it.
    """
    server = SERVERS[asked]
    for need in needs(graph):
        if not need.is_met_by(server):
            raise InputError(
                f"{need.place}: {need.what} needs {need.library} {_dotted(need.since)}, but "
                f"TF Serving {asked} links TensorFlow {_dotted(server.core)} and TF Text "
                f"{_dotted(server.text)}: the model is not published. {_advice(need)}"
            )
    if graph.versions.min_consumer > server.graph_def_version:
        raise InputError(
            f"the graph asks for a consumer of GraphDef version {graph.versions.min_consumer}, "
            f"but TF Serving {asked} is of {server.graph_def_version}: the model is not published."
        )


def _advice(need: Need) -> str:
    having = next((name for name, server in SERVERS.items() if need.is_met_by(server)), None)
    if having is None:
        return "No release of TF Serving that is known here has it."
    return f"TF Serving {having} has it: give --serving_version {having} if yours is not older."


def _dotted(version: Minor) -> str:
    return ".".join(map(str, version))
