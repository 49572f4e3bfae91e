"""Which names in a model's folder are versions: sections 5.1 and 9 of the API page."""

import logging

import pytest

from serving.server.config import ModelConfig, VersionPolicy
from serving.server.versions import find_versions, list_versions


@pytest.mark.parametrize(
    ("name", "version"), [("0", 0), ("7", 7), ("00000123", 123), ("9223372036854775807", 2**63 - 1)]
)
def test_5_1_a_name_that_is_a_decimal_integer_is_a_version(tmp_path, name, version):
    (tmp_path / name).mkdir()
    assert list_versions(str(tmp_path)) == {version: str(tmp_path / name)}


def test_5_1_so_is_a_file(tmp_path):
    (tmp_path / "7").write_text("")
    assert list(list_versions(str(tmp_path))) == [7]


@pytest.mark.parametrize(
    "name", ["1_0", "v1", "9.tmp", "-1", "+1", "1 ", " 1", "0x1", "1e3", "٧", "²", "1.0", "9" * 20]
)
def test_5_1_no_other_name_is(tmp_path, name):
    (tmp_path / name).mkdir()
    assert list_versions(str(tmp_path)) == {}


def test_5_1_of_two_names_for_one_number_one_wins(tmp_path):
    for name in ("7", "007", "8"):
        (tmp_path / name).mkdir()
    found = list_versions(str(tmp_path))
    assert sorted(found) == [7, 8]
    assert found[7] in (str(tmp_path / "7"), str(tmp_path / "007"))


@pytest.mark.parametrize(
    ("present", "missing"),
    [((1,), [42, 43]), ((1, 43), [42]), ((), [42, 43]), ((42, 43), [])],
    ids=["others", "one-of-two", "nothing", "all"],
)
def test_1_1_every_look_warns_of_versions_a_policy_names_in_vain(
    tmp_path, caplog, present, missing
):
    for version in present:
        (tmp_path / str(version)).mkdir()
    policy = VersionPolicy("specific", versions=frozenset({43, 42}))
    for _ in range(2):
        caplog.clear()
        find_versions([ModelConfig("m", str(tmp_path), policy)])
        assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
            (
                logging.WARNING,
                f"model m: version {version}, which its policy names, is not in {tmp_path}; "
                f"waiting for {tmp_path}/{version}",
            )
            for version in missing
        ]
