"""Sample data in the layouts of aclImdb and SQuAD, generated from a seed by our own code."""
