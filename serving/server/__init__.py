"""The embedded model server: what TensorFlow Serving's clients expect, in Python."""
