# Every command a person or CI runs. `make help` lists them.

CONFIG ?=# a named run (see docs/training.md) or a config file, for `make train`
TASK ?= $(if $(filter squad%,$(notdir $(CONFIG))),squad,imdb)# imdb or squad
V ?=# V=1 shows the logs of TensorFlow and Beam too

# Where things are, and how they are trained; the defaults are the demo's. Its few hundred short
# examples want higher rates and smaller batches than real data.
PRESET ?= minilm
PRESET_DIR ?= data/presets
VOCAB ?= $(PRESET_DIR)/minilm/vocab.txt
SAMPLE_DIR ?= data/raw/sample
DATA_DIR ?= data/$(TASK)
RUN_DIR ?= runs/$(or $(basename $(notdir $(CONFIG))),$(TASK))
MODELS ?= models
MODEL_DIR ?= $(MODELS)/$(MODEL)
EVALUATION_DIR ?= evaluations/$(TASK)
PREDICTION_DIR ?= predictions/$(TASK)
PORT ?= 8500
REST_PORT ?= 8501
ENDPOINT ?= grpc://localhost:$(PORT)
LABEL ?= stable
KEEP ?= 5

# Docker: what `make docker-serve` starts. SSL_CONFIG and the settings in infra/README.md are read by compose.
GPU ?=# GPU=1 serves on an NVIDIA GPU
EMBEDDED ?=# EMBEDDED=1 runs the embedded server in TF Serving's place
IMAGE_PREFIX ?= bertline
OVERLAY ?= cpu# of infra/kubernetes/overlays
BERTLINE_VERSION := $(shell sed -n 's/^ *version="\(.*\)",/\1/p' setup.py)
TERRAFORM := terraform -chdir=infra/terraform
COMPOSE := docker compose --file infra/docker/compose.yaml \
  $(if $(GPU),--file infra/docker/compose.gpu.yaml) \
  $(if $(EMBEDDED),--file infra/docker/compose.embedded.yaml) \
  $(if $(SSL_CONFIG),--file infra/docker/compose.tls.yaml)

# Terraform's variables where infra.vertex has the same settings; the others are in infra/README.md.
export TF_VAR_project ?= $(GOOGLE_CLOUD_PROJECT)
export TF_VAR_region ?= $(or $(GOOGLE_CLOUD_REGION),us-central1)
export TF_VAR_bucket ?= $(BERTLINE_BUCKET)

ifdef CONFIG
  TRAIN_CONFIG := --config $(CONFIG)
  TRAIN_FLAGS ?=
else
  TRAIN_CONFIG := --task $(TASK) --preset $(PRESET)
endif

ifeq ($(TASK),imdb)
  MODEL := sentiment
  INPUT ?= $(SAMPLE_DIR)/aclImdb
  EVALUATION_INPUT ?= $(INPUT)
  PREPROCESS_FLAGS ?= --max_seq_length 256
  TRAIN_FLAGS ?= --epochs 3 --learning_rate 1.5e-4 --global_batch_size 16
  ASK := sentiment "$$TEXT"
else ifeq ($(TASK),squad)
  MODEL := qa
  INPUT ?= $(SAMPLE_DIR)/squad-v1.1-train.json
  VALIDATION_INPUT ?= $(SAMPLE_DIR)/squad-v1.1-dev.json
  EVALUATION_INPUT ?= $(VALIDATION_INPUT)
  PREPROCESS_FLAGS ?= --validation_input $(VALIDATION_INPUT)
  TRAIN_FLAGS ?= --epochs 3 --learning_rate 3e-4 --global_batch_size 8 --dropout 0
  ASK := qa --question "$$QUESTION" --context "$$CONTEXT"
else
  $(error TASK is $(TASK), expected imdb or squad)
endif

# What `make predict` asks; through the environment, where quotes do no harm.
export TEXT QUESTION CONTEXT
TEXT ?= An unexpected delight from the first scene to the last.
QUESTION ?= Who built the lighthouse?
CONTEXT ?= The lighthouse was built by Ada Mills in 1894 and lit for the first time a year later.

# The first Python of a supported version, unless PYTHON names one.
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))
ifndef PYTHON
  PYTHON := $(or $(shell for python in python3.11 python3.12 python3; do \
    $$python -c '$(SUPPORTED)' 2>/dev/null && echo $$python && break; done),python3)
endif
PYTHON_VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
VENV ?= .venv
BIN := $(VENV)/bin
# Named after the version: with another PYTHON the environment is made anew.
INSTALLED := $(VENV)/.installed-$(PYTHON_VERSION)
VERBOSE := $(if $(V),-v)

.DEFAULT_GOAL := help
.PHONY: help install demo data preprocess inspect train export evaluate batch serve predict describe \
  versions promote rollback prune deploy deploy-delete docker docker-serve docker-stop infra-tools \
  kube-deploy kube-delete terraform terraform-delete test test-slow test-realdata test-all lint format clean

help:  ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' Makefile
	@echo "One stage at a time: TASK=imdb|squad, and the variables on top of the Makefile."

install: $(INSTALLED)  ## make .venv with the versions of constraints.txt

$(INSTALLED): setup.py constraints.txt
	@$(PYTHON) -c '$(SUPPORTED)' 2>/dev/null || { \
	  echo "error: PYTHON=$(PYTHON) is $$($(PYTHON) --version 2>&1 | head -n 1), expected Python 3.11 or" \
	  "3.12. Install one, or name it: make PYTHON=/path/to/python3.11 ..." >&2; exit 2; }
	@echo "Setting up $(VENV) with Python $(PYTHON_VERSION) (a few minutes, once)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --constraint constraints.txt --editable '.[all,test]'
	@touch $@

demo: $(INSTALLED)  ## the whole line on samples: raw text to served answers
	@$(BIN)/python -m demo $(VERBOSE)

data: $(INSTALLED)  ## fetch the pretrained weights and write the sample data
	@$(BIN)/python -m preprocessing.fetch weights --output_dir $(PRESET_DIR) $(VERBOSE)
	@$(BIN)/python -m preprocessing.fetch sample --output_dir $(SAMPLE_DIR) $(VERBOSE)

preprocess: $(INSTALLED)  ## raw files (INPUT) to TFRecords (DATA_DIR)
	@$(BIN)/python -m preprocessing $(TASK) --input $(INPUT) --output_dir $(DATA_DIR) \
	  --vocab_file $(VOCAB) $(PREPROCESS_FLAGS) $(VERBOSE)

inspect: $(INSTALLED)  ## statistics, lengths and records of a data set (DATA_DIR)
	@$(BIN)/python -m preprocessing.inspect $(DATA_DIR) $(INSPECT_FLAGS)

train: $(INSTALLED)  ## TFRecords (DATA_DIR) to a run (RUN_DIR); CONFIG=imdb_small for a named one
	@$(BIN)/python -m trainer $(TRAIN_CONFIG) --data_dir $(DATA_DIR) --output_dir $(RUN_DIR) \
	  --preset_dir $(PRESET_DIR) $(TRAIN_FLAGS) $(VERBOSE)

export: $(INSTALLED)  ## a run (RUN_DIR) to the next version of a model (MODEL_DIR)
	@$(BIN)/python -m serving.export --run_dir $(RUN_DIR) --model_dir $(MODEL_DIR) \
	  $(EXPORT_FLAGS) $(VERBOSE)

evaluate: $(INSTALLED)  ## score a model (MODEL_DIR) on raw files (EVALUATION_INPUT)
	@$(BIN)/python -m serving.evaluate --model_dir $(MODEL_DIR) --input $(EVALUATION_INPUT) \
	  --output_dir $(EVALUATION_DIR) $(EVALUATE_FLAGS) $(VERBOSE)

batch: $(INSTALLED)  ## apply a model (MODEL_DIR) to raw files (EVALUATION_INPUT): PREDICTION_DIR
	@$(BIN)/python -m serving.batch --model_dir $(MODEL_DIR) --input $(EVALUATION_INPUT) \
	  --output_dir $(PREDICTION_DIR) $(BATCH_FLAGS) $(VERBOSE)

serve: $(INSTALLED)  ## serve MODELS over gRPC (PORT) and REST (REST_PORT)
	@$(BIN)/python -m demo.serve --models $(MODELS) --port $(PORT) --rest_port $(REST_PORT) \
	  $(VERBOSE)

predict: $(INSTALLED)  ## ask what `make serve` serves: TEXT, or QUESTION and CONTEXT
	@$(BIN)/python -m serving.client $(ASK) --endpoint $(ENDPOINT)

describe: $(INSTALLED)  ## signatures, assets and provenance of a model (MODEL_DIR)
	@$(BIN)/python -m serving.describe $(MODEL_DIR)

versions: $(INSTALLED)  ## versions, metrics and labels of all models (MODELS)
	@$(BIN)/python -m serving.registry list $(MODELS)

promote: $(INSTALLED)  ## point LABEL (stable) at VERSION of a model (MODEL_DIR)
	@$(BIN)/python -m serving.registry promote $(MODEL_DIR) \
	  $(or $(VERSION),$(error VERSION is not set: make promote VERSION=3)) --label $(LABEL) \
	  $(REGISTRY_FLAGS)

rollback: $(INSTALLED)  ## point LABEL (stable) where it pointed before
	@$(BIN)/python -m serving.registry rollback $(MODEL_DIR) --label $(LABEL) $(REGISTRY_FLAGS)

prune: $(INSTALLED)  ## delete old versions of a model (MODEL_DIR) but the KEEP newest and labelled
	@$(BIN)/python -m serving.registry prune $(MODEL_DIR) --keep $(KEEP) $(REGISTRY_FLAGS)

deploy: $(INSTALLED)  ## a model's newest version (or VERSION) to Vertex AI: see docs/vertex.md
	@$(BIN)/python -m infra.vertex deploy $(MODEL_DIR) $(if $(VERSION),--version $(VERSION)) \
	  $(DEPLOY_FLAGS) $(VERBOSE)

deploy-delete: $(INSTALLED)  ## delete all that `make deploy` has made of a model
	@$(BIN)/python -m infra.vertex delete $(notdir $(MODEL_DIR)) $(DEPLOY_FLAGS) $(VERBOSE)

docker:  ## build all images: IMAGE_PREFIX/serving, embedded, trainer, worker
	@for image in serving embedded trainer worker; do \
	  docker build --file infra/docker/$$image/Dockerfile --tag $(IMAGE_PREFIX)/$$image:$(BERTLINE_VERSION) . \
	    || exit; \
	done

docker-serve:  ## serve MODELS with TF Serving, Prometheus and Grafana (GPU=1, EMBEDDED=1)
	@MODELS=$(abspath $(MODELS)) $(COMPOSE) up --build --detach --wait

docker-stop:  ## end what `make docker-serve` started; the metrics stay
	@$(COMPOSE) down

kube-deploy:  ## apply infra/kubernetes/overlays/OVERLAY (cpu, gpu, cpu-canary) and wait for it
	@kubectl apply --kustomize infra/kubernetes/overlays/$(OVERLAY)
	@kubectl --namespace bertline rollout status deployment --timeout 15m \
	  --selector app.kubernetes.io/name=bertline-serving

kube-delete:  ## take away what `make kube-deploy` applied; the models' volume stays
	@kubectl delete --ignore-not-found --kustomize infra/kubernetes/overlays/$(OVERLAY)

terraform:  ## bucket, accounts, image repository, endpoints, a cluster: see infra/README.md; asks first
	@$(TERRAFORM) init -input=false && $(TERRAFORM) apply $(TERRAFORM_FLAGS)

terraform-delete:  ## take away what `make terraform` made; asks first
	@$(TERRAFORM) destroy $(TERRAFORM_FLAGS)

infra-tools:  ## Debian packages that some tests of infra/ need: promtool, prometheus, buildah, mmdebstrap
	apt-get install --yes --no-install-recommends prometheus buildah mmdebstrap

test: $(INSTALLED)  ## the fast tests, under 10 minutes on 2 cores
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile -m 'not slow and not realdata'

test-slow: $(INSTALLED)  ## the tests that take longer, the demo's among them
	$(BIN)/python -m pytest -m 'slow and not realdata'

test-realdata: $(INSTALLED)  ## the tests on the real data sets in BERTLINE_DATA
	$(BIN)/python -m pytest -m realdata

test-all: test test-slow test-realdata  ## all of them

lint: $(INSTALLED)  ## format, style and types; changes nothing
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy preprocessing trainer serving demo benchmarks infra

format: $(INSTALLED)  ## rewrite the code as lint wants it
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:  ## remove what the commands above have written, but not the downloads
	rm -rf build runs models evaluations predictions data/imdb data/squad $(SAMPLE_DIR)
