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


@pytest.mark.parametrize("lengths", [[7], [16, 1, 9], [3, 3]], ids=str)
def test_frozen_encoder_equals_the_backbone(lengths):
    backbone = new_backbone(SMALL, "float32")
    random = np.random.default_rng(0)
    for variable in backbone.weights:  # also biases and gains, which start as zeros and ones
        variable.assign(random.normal(0, 0.3, variable.shape))
    token_ids = random.integers(0, 50, (len(lengths), max(lengths))).astype(np.int32)
    segment_ids = random.integers(0, 2, token_ids.shape).astype(np.int32)
    mask = (np.arange(max(lengths)) < np.array(lengths)[:, None]).astype(np.int32)
    inputs = {"token_ids": token_ids, "segment_ids": segment_ids, "padding_mask": mask}
    expected = backbone(inputs, training=False)["sequence_output"].numpy()
    weights = {variable.path: np.asarray(variable.value) for variable in backbone.weights}
    encoder = tf.function(FrozenBert(weights, num_layers=2, num_heads=4))
    found = encoder(token_ids, segment_ids, tf.constant(lengths)).numpy()
    np.testing.assert_allclose(found[mask == 1], expected[mask == 1], atol=1e-5)
