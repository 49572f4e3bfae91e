"""Scores what a model answers on raw text: measures, slices, a report, and a comparison of two."""
