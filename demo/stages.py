"""The demo's stages: what each runs, and whether it has to run again.

A stage runs what `make -n` prints for its target, so the demo and the targets cannot differ.
"""

import dataclasses
import hashlib
import json
import pathlib
import subprocess
import sys

STATE_DIR = pathlib.Path("build/demo")


@dataclasses.dataclass(frozen=True)
class Stage:
    """One make target, and what it depends on."""

    title: str
    target: str
    variables: tuple[str, ...]  # of make, such as "TASK=imdb"
    code: tuple[str, ...]  # packages whose source decides the result
    needs: tuple[str, ...]  # titles of earlier stages
    result: str  # a file or folder that is there afterwards

    def command(self) -> str:
        """The shell command of the stage."""
        # PYTHON, so that make need not look for one again.
        options = ["-n", "--no-print-directory", f"PYTHON={sys.executable}"]
        printed = subprocess.run(
            ["make", *options, self.target, *self.variables],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        return printed.replace("\\\n", " ").strip()


def _stages() -> tuple[Stage, ...]:
    stages = [
        Stage("data", "data", (), ("preprocessing",), (), "data/presets/minilm/model.safetensors")
    ]
    data, train = ("preprocessing",), ("preprocessing", "trainer")
    everything = (*train, "serving")
    for task in ("imdb", "squad"):
        set_task = (f"TASK={task}",)
        stages += [
            Stage(
                *(f"preprocess {task}", "preprocess", set_task, data, ("data",)),
                result=f"data/{task}/info.json",
            ),
            Stage(
                *(f"train {task}", "train", set_task, train, (f"preprocess {task}",)),
                result=f"runs/{task}/model.weights.h5",
            ),
            Stage(
                *(f"export {task}", "export", set_task, everything, (f"train {task}",)),
                result=f"models/{MODELS[task]}",
            ),
            Stage(
                *(f"evaluate {task}", "evaluate", set_task, everything, (f"export {task}",)),
                result=f"evaluations/{task}/metrics.json",
            ),
        ]
    return tuple(stages)


MODELS = {"imdb": "sentiment", "squad": "qa"}
STAGES = _stages()


class StageLog:
    """What ran with which inputs, kept between demos in `build/demo`."""

    def __init__(self, folder: pathlib.Path = STATE_DIR):
        self._folder = folder
        self._current: dict[str, str] = {}

    def fingerprint(self, stage: Stage) -> str:
        """Changes with the stage's command, its code, or the fingerprint of a stage it needs."""
        digest = hashlib.sha256(stage.command().encode())
        for needed in stage.needs:
            digest.update(self._current[needed].encode())
        for package in stage.code:
            for file in sorted(pathlib.Path(package).rglob("*.py")):
                digest.update(file.read_bytes())
        self._current[stage.title] = digest.hexdigest()
        return digest.hexdigest()

    def is_current(self, stage: Stage, fingerprint: str) -> bool:
        """Whether the stage has finished with this fingerprint and its result is still there."""
        finished = self._read(stage, "finished") == fingerprint
        return finished and pathlib.Path(stage.result).exists()

    def was_interrupted(self, stage: Stage, fingerprint: str) -> bool:
        """Whether the stage was started with this fingerprint, and can go on."""
        return self._read(stage, "started") == fingerprint

    def note(self, stage: Stage, event: str, fingerprint: str) -> None:
        """Records that a stage is "started" or "finished"."""
        self._folder.mkdir(parents=True, exist_ok=True)
        state = self._state(stage) | {event: fingerprint}
        self._path(stage).write_text(json.dumps(state, indent=2) + "\n")

    def _read(self, stage: Stage, event: str) -> str | None:
        return self._state(stage).get(event)

    def _state(self, stage: Stage) -> dict[str, str]:
        path = self._path(stage)
        return json.loads(path.read_text()) if path.exists() else {}

    def _path(self, stage: Stage) -> pathlib.Path:
        return self._folder / f"{stage.title.replace(' ', '-')}.json"
