"""The contract is what the exports have, and what differs from it is named."""

import pytest

from preprocessing.errors import InputError
from serving.saved_graph import read_meta_graph
from serving.signature_contract import check_signatures, contract_of


def test_exports_have_the_signatures(models):
    check_signatures(read_meta_graph(models / "sentiment" / "1"), contract_of("imdb", 2))
    check_signatures(read_meta_graph(models / "qa" / "1"), contract_of("squad", 0))


def test_another_kind_of_model_is_refused(models):
    meta_graph = read_meta_graph(models / "sentiment" / "1")
    with pytest.raises(InputError, match=r"signature classify: .* but clients rely on"):
        check_signatures(meta_graph, contract_of("imdb", 3))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            lambda s: s["nbest"].outputs["start"].tensor_shape.dim[1].__setattr__("size", 10),
            r"signature nbest: .* start DT_INT32 \[-1, 10\].* rely on .* start DT_INT32 \[-1, 20\]",
            id="shape",
        ),
        pytest.param(
            lambda s: setattr(s["serving_default"].outputs["end"], "dtype", 9),
            "signature serving_default: .* end DT_INT64 .* rely on .* end DT_INT32",
            id="dtype",
        ),
        pytest.param(lambda s: s.pop("nbest"), "signature nbest: it is absent", id="missing"),
        pytest.param(
            lambda s: s["more"].CopyFrom(s["nbest"]), "signature more: .* rely on absent", id="more"
        ),
    ],
)
def test_a_change_is_named(models, change, message):
    meta_graph = read_meta_graph(models / "qa" / "1")
    change(meta_graph.signature_def)
    with pytest.raises(InputError, match=message):
        check_signatures(meta_graph, contract_of("squad", 0))
