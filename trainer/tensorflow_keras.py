"""Keras on the TensorFlow backend, whatever the user's own Keras settings say.

Import `keras` from here: the backend is read once, from the environment, when keras is imported.
"""

import os

os.environ["KERAS_BACKEND"] = "tensorflow"

import keras

if keras.backend.backend() != "tensorflow":
    raise ImportError(
        f"keras was imported before Bertline, with the {keras.backend.backend()} backend. Set "
        "KERAS_BACKEND=tensorflow before importing keras."
    )

__all__ = ["keras"]
