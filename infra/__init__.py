"""How Bertline runs elsewhere: Docker, Kubernetes, Vertex AI and what watches it."""
