"""The frozen encoder gives what keras-hub's backbone gives."""

import numpy as np
import pytest
import tensorflow as tf

from serving.encoder import FrozenBert
from trainer.presets import new_backbone

SMALL = {
    "vocabulary_size": 50,
    "num_layers": 2,
    "num_heads": 4,
    "hidden_dim": 32,
    "intermediate_dim": 64,
    "dropout": 0.1,
    "max_sequence_length": 16,
    "num_segments": 2,
}
MIXED = [16, 1, 9, 2]


@pytest.fixture(scope="module")
def backbone():
    made = new_backbone(SMALL, "float32")
    random = np.random.default_rng(0)
    for variable in made.weights:  # also biases and gains, which start as zeros and ones
        variable.assign(random.normal(0, 0.3, variable.shape))
    return made


@pytest.fixture(scope="module")
def weights(backbone):
    return {variable.path: np.asarray(variable.value) for variable in backbone.weights}


def inputs(lengths):
    random = np.random.default_rng(1)
    token_ids = random.integers(0, 50, (len(lengths), 16)).astype(np.int32)
    segment_ids = random.integers(0, 2, token_ids.shape).astype(np.int32)
    return token_ids, segment_ids, np.array(lengths, np.int32)


def mask_of(lengths):
    return (np.arange(16) < np.array(lengths)[:, None]).astype(np.int32)


def expected(backbone, lengths):
    token_ids, segment_ids, _ = inputs(lengths)
    batch = {"token_ids": token_ids, "segment_ids": segment_ids, "padding_mask": mask_of(lengths)}
    return backbone(batch, training=False)["sequence_output"].numpy()


@pytest.mark.parametrize("lengths", [[16], MIXED, [1, 1], [3, 3, 3]], ids=str)
def test_encoder_equals_the_backbone(backbone, weights, lengths):
    encoder = FrozenBert(weights, num_layers=2, num_heads=4)
    found = tf.function(encoder)(*inputs(lengths)).numpy()
    is_token = mask_of(lengths) == 1
    np.testing.assert_allclose(found[is_token], expected(backbone, lengths)[is_token], atol=1e-5)


@pytest.mark.parametrize("lengths", [[16], MIXED, [1]], ids=str)
def test_first_token_equals_the_backbones(backbone, weights, lengths):
    encoder = FrozenBert(weights, num_layers=2, num_heads=4)
    found = tf.function(encoder.first_token)(*inputs(lengths)).numpy()
    np.testing.assert_allclose(found, expected(backbone, lengths)[:, 0], atol=1e-5)


def test_bfloat16_is_close_to_float32(backbone, weights):
    encoder = FrozenBert(weights, num_layers=2, num_heads=4, dtype="bfloat16")
    found = tf.function(encoder)(*inputs(MIXED))
    assert found.dtype == tf.bfloat16
    error = np.abs(found.numpy().astype(np.float32) - expected(backbone, MIXED))
    # 8 bits of mantissa: 0.4 % of the values, which are below 3, in each of some ten roundings.
    assert 1e-4 < error[mask_of(MIXED) == 1].max() < 0.1


def test_small_variance_is_normalized_exactly(weights):
    """An epsilon of 0.001, as TensorFlow's fused LayerNorm has it, would change these."""
    small = {
        name: value * 0.01 if "embeddings" in name and "norm" not in name else value
        for name, value in weights.items()
    }
    token_ids, segment_ids, lengths = inputs([16])
    places = small["position_embedding/embeddings"] + np.take(
        small["segment_embedding/embeddings"], segment_ids[0], axis=0
    )
    summed = (np.take(small["token_embedding/embeddings"], token_ids[0], axis=0) + places).astype(
        np.float64
    )
    normal = (summed - summed.mean(1, keepdims=True)) / np.sqrt(summed.var(1, keepdims=True))
    gamma, beta = (small[f"embeddings_layer_norm/{name}"] for name in ("gamma", "beta"))
    encoder = FrozenBert(small, num_layers=0, num_heads=4)
    found = tf.function(encoder)(token_ids, segment_ids, lengths).numpy()[0]
    np.testing.assert_allclose(found, normal * gamma + beta, atol=1e-4)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_empty_batch(weights, dtype):
    encoder = FrozenBert(weights, num_layers=2, num_heads=4, dtype=dtype)
    none = np.zeros([0, 16], np.int32)
    assert tf.function(encoder)(none, none, np.zeros([0], np.int32)).shape == (0, 16, 32)


def test_a_row_of_padding_alone_gives_numbers(weights):
    encoder = FrozenBert(weights, num_layers=2, num_heads=4)
    assert np.isfinite(tf.function(encoder)(*inputs([0, 5])).numpy()).all()
