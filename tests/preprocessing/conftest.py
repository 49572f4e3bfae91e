"""Fixtures of the `realdata` tests."""

import os
import pathlib

import pytest


@pytest.fixture(scope="session")
def real_data() -> pathlib.Path:
    """The folder with the real data sets, from BERTLINE_DATA."""
    if "BERTLINE_DATA" not in os.environ:
        pytest.skip("BERTLINE_DATA does not name the folder of the real data sets")
    return pathlib.Path(os.environ["BERTLINE_DATA"])


@pytest.fixture(scope="session")
def real_vocabulary_path(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """MiniLM's vocab.txt: the fetched one of this repository, or fetched now."""
    from preprocessing.weights import fetch_weights

    fetched = pathlib.Path(__file__).parents[2] / "data/presets/minilm/vocab.txt"
    if fetched.exists():
        return fetched
    return fetch_weights(tmp_path_factory.mktemp("presets")) / "vocab.txt"
