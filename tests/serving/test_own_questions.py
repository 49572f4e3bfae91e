"""SQuAD v2.0: what the trainer says of its validation split, and what the export is scored with."""

import json
import shutil

import pytest

from preprocessing import __main__ as preprocessing_command
from serving import evaluate
from serving.export import export_run
from trainer import __main__ as trainer_command


@pytest.mark.slow
def test_validation_figures_are_those_of_the_export(questions, vocabulary_path, tmp_path):
    copy = shutil.copy(questions, tmp_path / "dev.json")
    preprocessing_command.main(
        [
            *("squad", f"--input={questions}", f"--validation_input={copy}"),
            *(f"--output_dir={tmp_path / 'data'}", f"--vocab_file={vocabulary_path}"),
            *("--max_seq_length=40", "--doc_stride=12", "--max_query_length=8"),
        ]
    )
    trainer_command.main(
        [
            *(
                "--task=squad",
                f"--data_dir={tmp_path / 'data'}",
                f"--output_dir={tmp_path / 'run'}",
            ),
            *("--no_pretrained", "--epochs=40", "--global_batch_size=4", "--learning_rate=1e-3"),
            *("--dropout=0", "--precision=float32"),
        ]
    )
    line = json.loads((tmp_path / "run" / "history.jsonl").read_text().splitlines()[-1])
    version = export_run(tmp_path / "run", tmp_path / "qa")
    official = evaluate.evaluate_version(version, str(questions))
    # The annotated answers stand whole in the tokens, so that both compare the same words.
    pairs = {"exact_match": "exact", "f1": "f1", "has_answer_f1": "HasAns_f1"}
    pairs |= {"no_answer_f1": "NoAns_f1", "best_f1": "best_f1"}
    found = {name: line[f"validation_{name}"] for name in pairs}
    assert found == pytest.approx({name: official[theirs] for name, theirs in pairs.items()})
    assert found["has_answer_f1"] > 0
