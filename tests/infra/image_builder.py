"""Builds the images with buildah, which needs no daemon, on a Debian that mmdebstrap made.

No registry of images is asked: a Debian with Python 3.11 stands in for the base images. All the
rest, each COPY and RUN of the Dockerfiles, is done as it stands.
"""

import pathlib
import subprocess

from tests.serving.server_process import REPOSITORY

_PACKAGES = "ca-certificates,python3,python3-venv,python3-pip,python-is-python3"
# How this machine reaches its package index; the images keep none of it.
_MOUNTED = [path for path in ("/etc/ssl/certs", "/etc/pip.conf") if pathlib.Path(path).exists()]


class ImageBuilder:
    """Images in a folder of their own.

    Args:
        folder: where they are; what is there already is used again.
    """

    def __init__(self, folder: pathlib.Path):
        self._folder = folder
        folder.mkdir(exist_ok=True)
        self._root = (f"--root={folder / 'storage'}", f"--runroot={folder / 'run'}")

    def buildah(self, *arguments: str | pathlib.Path, timeout_s: float = 3600) -> str:
        """Its stdout; what it wrote to stderr is in the error if it fails."""
        command = ["buildah", *self._root, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s)
        assert done.returncode == 0, f"{command}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout.strip()

    def has(self, image: str) -> bool:
        return bool(self.buildah("images", "--quiet", f"--filter=reference={image}"))

    def make_debian(self, *names: str) -> None:
        """A Debian with Python 3.11, under the names of other images.

        Python's own images let pip install beside the system's packages, and so does this one.
        """
        if all(self.has(name) for name in names):
            return
        tar = self._folder / "debian.tar"
        if not tar.exists():
            command = ["mmdebstrap", "--variant=minbase", f"--include={_PACKAGES}", "bookworm", tar]
            subprocess.run(command, check=True, capture_output=True, timeout=3600)
        container = self.buildah("from", "scratch")
        self.buildah("add", "--quiet", container, tar, "/")
        marker = "/usr/lib/python3.11/EXTERNALLY-MANAGED"
        self.buildah("run", "--isolation=chroot", container, "--", "rm", "-f", marker)
        for name in names:
            self.buildah("commit", "--quiet", container, name)
        self.buildah("rm", container)

    def build(self, dockerfile: pathlib.Path, name: str, *arguments: str) -> None:
        """Builds an image from a Dockerfile and the repository."""
        self.buildah(
            "build-using-dockerfile", "--isolation=chroot", "--pull-never", "--layers",
            "--format=docker", *(f"--volume={path}:{path}:ro" for path in _MOUNTED),
            *arguments, f"--file={dockerfile}", f"--tag={name}", REPOSITORY,
        )  # fmt: skip

    def container(self, image: str) -> str:
        """A container of the image; nothing runs in it yet."""
        return self.buildah("from", "--pull-never", image)

    def command(self, container: str, *command: str, **settings: str | int) -> list[str]:
        """The command line that runs a command in it, as the image's user."""
        options = [f"--env={name}={value}" for name, value in settings.items()]
        return ["buildah", *self._root, "run", "--isolation=chroot", *options, container, *command]
