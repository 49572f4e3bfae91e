"""Readers of source files: aclImdb, tables of labelled texts, questions about contexts."""
