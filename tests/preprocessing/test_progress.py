import logging
import re
import threading
import time

import pytest

from preprocessing import progress as progress_module
from preprocessing.progress import progress, watch


@pytest.fixture
def log(caplog):
    caplog.set_level(logging.INFO, logger="preprocessing.progress")
    return caplog


def test_log_lines_come_at_most_once_per_interval(log):
    with progress("reviews", 10) as update:
        for done in range(10):
            update(done)
    assert log.messages == []


def test_log_line_has_the_count_and_the_time_left(log, monkeypatch):
    monkeypatch.setattr(progress_module, "LOG_INTERVAL_S", 0.0)
    with progress("reviews", 100) as update:
        update(0)  # nothing to go by yet
        time.sleep(0.02)
        update(100)
    assert re.fullmatch(r"reviews 100/100, \d+/s, eta 0 s", *log.messages)


def test_watch_shows_counts_once_the_total_is_known(log, monkeypatch):
    monkeypatch.setattr(progress_module, "LOG_INTERVAL_S", 0.0)
    counts = iter([(7, None), (9, None), (1, 9)])
    with watch("reviews", lambda: next(counts, (2, 9))):
        time.sleep(2.5)
    assert [message.partition(",")[0] for message in log.messages[:3]] == [
        "reviews: found 7",
        "reviews: found 9",
        "reviews 2/9",
    ]


def test_watch_ends_its_thread_when_the_block_fails():
    threads = threading.active_count()
    with pytest.raises(KeyError), watch("reviews", lambda: (0, None)):
        raise KeyError
    assert threading.active_count() == threads
