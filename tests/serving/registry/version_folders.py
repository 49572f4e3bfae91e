"""Versions as an exporter leaves them, but with a few bytes for a graph."""

import json
import pathlib

from serving import protocol
from serving.registry.changes import Target


def write_version(model_dir: pathlib.Path, number: int, **provenance) -> pathlib.Path:
    """A version with one signature, `text` -> `probability`, and what its provenance says."""
    folder = model_dir / str(number)
    (folder / "assets.extra").mkdir(parents=True)
    saved_model = protocol.SavedModel()
    signature = saved_model.meta_graphs.add().signature_def["serving_default"]
    signature.inputs["text"].dtype = protocol.DataType.DT_STRING
    signature.inputs["text"].tensor_shape.dim.add(size=-1)
    signature.outputs["probability"].dtype = protocol.DataType.DT_FLOAT
    (folder / "saved_model.pb").write_bytes(saved_model.SerializeToString())
    (folder / "assets.extra" / "provenance.json").write_text(json.dumps(provenance))
    return folder


def model_with_versions(models: pathlib.Path, *numbers: int) -> Target:
    """A model `qa` with these versions, and no config yet."""
    for number in numbers:
        write_version(models / "qa", number)
    return Target(models / "qa", models / "models.config", "qa")
