"""A model that fails on some texts, and jobs of `python -m serving.batch`."""

import json
import pathlib

import tensorflow as tf

from tests.serving import served_models


def number_model(folder: pathlib.Path) -> pathlib.Path:
    """The probability is the number that a text is: any other text fails the whole batch.

    An empty text is 0.5, so that the model can be asked at all.
    """

    def build():
        text = tf.compat.v1.placeholder(tf.string, [None], name="text")
        number = tf.strings.to_number(tf.where(tf.equal(text, ""), "0.5", text))
        return {"serving_default": served_models.signature({"text": text}, {"probability": number})}

    return with_provenance(served_models.write_tf1(folder, build), "imdb")


def with_provenance(version: pathlib.Path, task: str) -> pathlib.Path:
    """Adds what the exporter would say of a version."""
    (version / "assets.extra").mkdir(exist_ok=True)
    provenance = {"run": {"task": task, "labels": ["neg", "pos"] if task == "imdb" else []}}
    (version / "assets.extra" / "provenance.json").write_text(json.dumps(provenance))
    return version


def write_lines(path: pathlib.Path, *rows: object) -> str:
    """A file of JSON lines."""
    lines = (row if isinstance(row, str) else json.dumps(row, ensure_ascii=True) for row in rows)
    path.write_text("".join(f"{line}\n" for line in lines))
    return str(path)


def predictions(output_dir: pathlib.Path) -> dict[str, dict]:
    """Id -> line, of all shards that `info.json` names."""
    info = json.loads((output_dir / "info.json").read_text())
    lines = [
        json.loads(line)
        for name in info["shards"]
        for line in (output_dir / name).read_text().splitlines()
    ]
    found = {line["id"]: line for line in lines}
    assert len(found) == len(lines) == info["predicted"]
    return found


def rejected(output_dir: pathlib.Path) -> list[dict]:
    """The lines of the files of rejected rows."""
    info = json.loads((output_dir / "info.json").read_text())
    return [
        json.loads(line)
        for name in info["rejected_files"]
        for line in (output_dir / name).read_text().splitlines()
    ]
