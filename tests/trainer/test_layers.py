"""trainer/layers.py. Expected rates come from BEiT's formula, by hand."""

import pytest

from preprocessing.errors import InputError
from tests.trainer.tiny import ARCHITECTURE
from trainer.layers import freeze_lower_layers, rate_scales
from trainer.models import review_classifier
from trainer.presets import new_backbone


@pytest.fixture
def backbone():
    return new_backbone(ARCHITECTURE | {"num_layers": 3}, "float32")


def test_rates_fall_from_the_head_to_the_embeddings(backbone):
    variables = review_classifier(backbone).trainable_variables
    scales = rate_scales(variables, num_layers=3, layer_decay=0.5)
    found = {v.path.split("/")[0]: s for v, s in zip(variables, scales, strict=True)}
    assert found == {
        "token_embedding": 1 / 16,
        "position_embedding": 1 / 16,
        "segment_embedding": 1 / 16,
        "embeddings_layer_norm": 1 / 16,
        "transformer_layer_0": 1 / 8,
        "transformer_layer_1": 1 / 4,
        "transformer_layer_2": 1 / 2,
        "pooled_dense": 1.0,
        "review_logit": 1.0,
    }


def test_without_decay_all_rates_are_one(backbone):
    assert set(rate_scales(backbone.trainable_variables, 3, layer_decay=1.0)) == {1.0}


def test_only_the_upper_layers_are_trained(backbone):
    freeze_lower_layers(backbone, 2)
    model = review_classifier(backbone)
    assert {v.path.split("/")[0] for v in model.trainable_variables} == {
        "transformer_layer_1",
        "transformer_layer_2",
        "pooled_dense",
        "review_logit",
    }


def test_more_layers_than_there_are(backbone):
    with pytest.raises(InputError, match="--trainable_layers is 4, but the encoder has 3 layers"):
        freeze_lower_layers(backbone, 4)
