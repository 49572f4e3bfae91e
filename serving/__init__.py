"""A fine-tuned BERT to a SavedModel, to answers over gRPC and REST."""
