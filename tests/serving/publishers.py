"""Publishes copies of a folder until it is killed: run by test_model_dir.py as a process."""

import pathlib
import shutil
import sys

from serving.model_dir import publish, unpublished_version


def main() -> None:
    source, model_dir, count = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]
    for _ in range(int(count)):
        with unpublished_version(model_dir) as folder:
            shutil.copytree(source, folder, dirs_exist_ok=True)
            publish(folder, model_dir)
        print("published", flush=True)


if __name__ == "__main__":
    main()
