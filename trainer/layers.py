"""Which layers of the encoder are trained, and how fast each."""

import re
from collections.abc import Iterable

from preprocessing.errors import InputError
from trainer.tensorflow_keras import keras

_LAYER = re.compile(r"transformer_layer_(\d+)/")
_EMBEDDINGS = (
    "token_embedding",
    "position_embedding",
    "segment_embedding",
    "embeddings_layer_norm",
)


def freeze_lower_layers(backbone: keras.Model, trainable_layers: int) -> None:
    """Leaves the embeddings and all but the last so many transformer layers as they are.

    Raises:
        InputError: the encoder has fewer layers.
    """
    layers = backbone.transformer_layers
    if trainable_layers > len(layers):
        raise InputError(
            f"--trainable_layers is {trainable_layers}, but the encoder has {len(layers)} layers. "
            "Leave it out to train them all, with the embeddings."
        )
    for name in _EMBEDDINGS:
        backbone.get_layer(name).trainable = False
    for layer in layers[: len(layers) - trainable_layers]:
        layer.trainable = False


def rate_scales(
    variables: Iterable[keras.Variable], num_layers: int, layer_decay: float
) -> list[float]:
    """What the learning rate of each variable is multiplied with.

    As BEiT has it (Bao et al. 2022, optim_factory.py): 1 for the head, and for each layer below it
    `layer_decay` times that of the layer above, the embeddings being the lowest. The pooler
    belongs to the head.

    Args:
        variables: of a model on a BERT backbone.
        num_layers: transformer layers of the backbone.
        layer_decay: 1 for the same rate everywhere.
    """
    return [layer_decay ** (num_layers + 1 - _depth(v.path, num_layers)) for v in variables]


def _depth(path: str, num_layers: int) -> int:
    """0 for the embeddings, 1, 2, … for the transformer layers, one more for the head."""
    layer = _LAYER.match(path)
    if layer:
        return int(layer[1]) + 1
    return 0 if path.startswith(_EMBEDDINGS) else num_layers + 1
