import pytest

from preprocessing import files, storage
from tests.preprocessing import remote_folders


@pytest.fixture(scope="module", params=["local", "s3", "hdfs"])
def place(request, tmp_path_factory):
    """An empty folder on each file system."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "local":
        yield str(folder)
    else:
        system = {"s3": remote_folders.s3, "hdfs": lambda: remote_folders.hdfs(folder)}
        with system[request.param]() as url:
            yield url


@pytest.fixture
def folder(place, request):
    """A folder for each test."""
    path = storage.join(place, request.node.originalname)
    storage.make_folder(path)
    return path


def write(folder, **contents):
    for name, content in contents.items():
        with storage.create(storage.join(folder, name)) as file:
            file.write(content)


def contents(folder):
    return {
        name: files.read_file(storage.join(folder, name)) for name in storage.list_names(folder)
    }


def test_what_is_written_is_there(folder):
    assert storage.list_names(folder) == []
    assert storage.list_names(storage.join(folder, "none")) == []
    write(folder, b=b"2", a=b"\x1f\x8b not unpacked, whatever it looks like")
    assert contents(folder) == {"a": b"\x1f\x8b not unpacked, whatever it looks like", "b": b"2"}
    assert storage.list_names(folder) == ["a", "b"]


def test_a_moved_file_replaces_what_is_there(folder):
    write(folder, new=b"new", old=b"old")
    storage.move(storage.join(folder, "new"), storage.join(folder, "old"))
    assert contents(folder) == {"old": b"new"}


def test_a_file_moves_to_another_folder(folder):
    write(folder, a=b"1")
    other = storage.join(folder, "not", "there yet")
    storage.make_folder(other)
    storage.move(storage.join(folder, "a"), storage.join(other, "b"))
    assert contents(other) == {"b": b"1"}


def test_files_that_are_gone_can_be_deleted(folder):
    write(folder, a=b"1", b=b"2", c=b"3")  # Beam cannot write empty files to S3
    storage.delete([storage.join(folder, name) for name in ("a", "none", "c")])
    storage.delete([])
    assert contents(folder) == {"b": b"2"}


def test_a_folder_is_deleted_with_all_that_is_in_it(folder):
    inner = storage.join(folder, "inner", "more")
    storage.make_folder(inner)
    write(inner, a=b"1")
    write(folder, b=b"2")
    for _ in range(2):
        storage.delete_folder(storage.join(folder, "inner"))
    assert contents(folder) == {"b": b"2"}


@pytest.mark.parametrize("folder", ["data", "/data", "gs://data", "hdfs:///data"])
def test_the_paths_below_a_folder(folder):
    assert storage.join(folder, "a", "b") == storage.join(f"{folder}/", "a", "b") == f"{folder}/a/b"


@pytest.mark.parametrize(
    ("path", "expected"),
    [("data", True), ("/data", True), ("gs://data", False), ("s3://a/b", False)],
)
def test_which_paths_are_local(path, expected):
    assert storage.is_local(path) == expected
