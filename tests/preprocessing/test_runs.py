import os
import tracemalloc

import pytest

from preprocessing import runs
from preprocessing.runs import Slice, merged, read_payloads, write_run

RECORDS, OTHERS = ("records", "train", 0), ("rejected", "test", 0)


def test_a_run_holds_its_groups_one_after_the_other_each_sorted(tmp_path):
    entries = {RECORDS: [(b"b", b"2"), (b"a", b"333"), (b"a", b"1")], OTHERS: [(b"", b"\n")]}
    slices = dict(write_run(entries, str(tmp_path)))
    (path,) = tmp_path.iterdir()
    content = (
        b"\x01\x00\x01\x00\x00\x00a1"  # two bytes for the key's length, four for the payload's
        b"\x01\x00\x03\x00\x00\x00a333"
        b"\x01\x00\x01\x00\x00\x00b2"
        b"\x00\x00\x01\x00\x00\x00\n"
    )
    assert path.read_bytes() == content
    assert slices == {RECORDS: Slice(str(path), 0, 26), OTHERS: Slice(str(path), 26, 7)}


def test_slices_are_merged_by_key_and_then_by_payload(tmp_path):
    slices = [
        write_run({RECORDS: entries}, str(tmp_path))[0][1]
        for entries in ([(b"a", b"1"), (b"c", b"")], [(b"b", b"\xff"), (b"a", b"0")], [])
    ]
    expected = [(b"a", b"0"), (b"a", b"1"), (b"b", b"\xff"), (b"c", b"")]
    assert list(merged(slices, str(tmp_path))) == expected
    assert list(merged(reversed(slices), str(tmp_path))) == expected


def test_nothing_merges_to_nothing(tmp_path):
    assert list(merged([], str(tmp_path))) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("num_runs", "between"),
    [(1, 0), (2, 0), (3, 2), (4, 2), (5, 5)],  # 5: of 2, 2 and 1 runs; then of 2 and 1 of these
    ids=str,
)
def test_no_more_slices_are_open_than_allowed(tmp_path, monkeypatch, num_runs, between):
    monkeypatch.setattr(runs, "MAX_MERGED", 2)
    entries = [(f"{i * 7 % 10}".encode(), b"x" * i) for i in range(10)]
    slices = [
        write_run({RECORDS: entries[i::num_runs]}, str(tmp_path))[0][1] for i in range(num_runs)
    ]
    assert list(merged(slices, str(tmp_path))) == sorted(entries)
    assert len(list(tmp_path.iterdir())) == num_runs + between


def test_entries_longer_than_what_is_read_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "_READ_SIZE", 8)
    entries = [(b"key" * 100, b"long" * 1000), (b"z", b"")]
    ((_, entry),) = write_run({RECORDS: entries}, str(tmp_path))
    assert list(merged([entry], str(tmp_path))) == entries


def test_payloads_of_a_small_group_without_their_keys(tmp_path):
    found = [
        dict(write_run({RECORDS: [(b"k", b"x")], OTHERS: [(b"k", payload)]}, str(tmp_path)))
        for payload in (b"1", b"22")
    ]
    assert read_payloads(slices[OTHERS] for slices in found) == b"122"


def test_a_merge_holds_a_small_part_of_its_runs(tmp_path):
    payload = os.urandom(1 << 10)
    slices = []
    for i in range(4):
        entries = [(bytes([i, j // 256, j % 256]), payload) for j in range(8_000)]
        slices.append(write_run({RECORDS: entries}, str(tmp_path))[0][1])
    tracemalloc.start()
    assert sum(1 for _ in merged(slices, str(tmp_path))) == 32_000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 << 20  # of 32 MiB
