"""Bertline on Google Cloud: models on Vertex AI endpoints, training jobs, Dataflow jobs."""
