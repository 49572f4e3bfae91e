"""A run as Keras exports it, for `benchmarks.serving_graphs`: every text padded to the full length.

python -m benchmarks.keras_graph RUN_DIR --output FOLDER

It is the trainer's Keras model in float32, exported by what `keras.Model.export` is made of, with
Bertline's tokenisation (and, for questions, its choice of the answers) around it, so that it takes
raw text.
"""

import dataclasses
import pathlib
from typing import TYPE_CHECKING

from preprocessing import command_line

if TYPE_CHECKING:
    import tensorflow as tf

    from trainer.run_dir import Run


def main(arguments: list[str]) -> None:
    parser = command_line.ArgumentParser(
        prog="python -m benchmarks.keras_graph", description=__doc__
    )
    parser.add_argument("run_dir", type=pathlib.Path, help="a finished run of the trainer")
    parser.add_argument(
        "--output", required=True, type=pathlib.Path, help="the SavedModel's folder"
    )
    command_line.add_verbose_flag(parser)
    flags = parser.parse_args(arguments)
    command_line.load_tensorflow()
    from trainer.run_dir import load_run

    write_keras_graph(load_run(flags.run_dir), flags.output)


def write_keras_graph(run: "Run", output: pathlib.Path) -> None:
    """Writes a run's SavedModel with the signature `serving_default` of Bertline's own export."""
    from serving.frozen import served_module
    from trainer.tensorflow_keras import keras

    padded = dataclasses.replace(run, model=_Padded(run))
    module = served_module(padded, None, through_keras=True)
    archive = keras.export.ExportArchive()
    archive.track(run.model)
    archive.add_endpoint("serving_default", module.serving_default)
    archive.write_out(str(output), verbose=False)


class _Padded:
    """A run's model, called with all texts padded to the longest that the run allows."""

    def __init__(self, run: "Run"):
        self._model = run.model
        self._length = run.config["parameters"]["max_seq_length"]

    def __call__(self, inputs: dict[str, "tf.Tensor"], training: bool) -> dict[str, "tf.Tensor"]:
        import tensorflow as tf

        def padded(values: tf.Tensor) -> tf.Tensor:
            missing = self._length - tf.shape(values)[1]
            return tf.ensure_shape(tf.pad(values, [[0, 0], [0, missing]]), [None, self._length])

        full = {name: padded(values) for name, values in inputs.items()}
        return self._model(full, training=training)


if __name__ == "__main__":
    command_line.run(main)
