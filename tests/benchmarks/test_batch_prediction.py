"""The benchmark of batch prediction runs, and counts what both sides do."""

import re

from benchmarks.batch_prediction import main
from tests.serving.batch.number_model import number_model, write_lines


def test_both_sides(tmp_path, capsys):
    model = number_model(tmp_path / "m" / "1")
    source = write_lines(tmp_path / "n.jsonl", *({"text": str(i)} for i in range(40)))
    main(["--model_dir", str(model), "--input", source])
    direct, pipeline, ratio = capsys.readouterr().out.splitlines()
    assert direct.startswith("direct: 40 rows, load ")
    assert pipeline.startswith("pipeline: 40 rows, ")
    assert float(re.search(r"[\d.]+$", ratio)[0]) > 0
