"""Versions of a model and the labels that point at them, in TF Serving's own config file."""
