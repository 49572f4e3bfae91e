import io
import random
import re
import shutil
import subprocess
import tarfile

import pytest

from preprocessing.sources.tar_stream import MAX_FILE_SIZE, read_files

WANTED = re.compile(r"\.txt$")


def found(content):
    return list(read_files(io.BytesIO(content), WANTED))


def archive(*members, **options):
    """A tar file of (name, content or kind)."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", **options) as tar:
        for name, value in members:
            member = tarfile.TarInfo(name)
            if len(value) > 1 or not value.isdigit():
                member.size = len(value)
                tar.addfile(member, io.BytesIO(value))
            else:
                member.type, member.linkname = value, "x.txt"
                tar.addfile(member)
    return content.getvalue()


FORMATS = {
    "ustar": tarfile.USTAR_FORMAT,
    "gnu": tarfile.GNU_FORMAT,
    "pax": tarfile.PAX_FORMAT,
}


@pytest.mark.parametrize("kind", FORMATS)
def test_read_files(kind):
    members = [
        ("a.txt", b"one"),
        ("folder", tarfile.DIRTYPE),
        ("folder/b.txt", b""),
        ("folder/notes", b"x" * 3000),
        ("link", tarfile.SYMTYPE),
        ("p" * 90 + "/" + "n" * 90 + ".txt", b"in two parts"),
        ("c.txt", b"y" * 512),
        ("d.txt", b"z" * 513),
    ]
    assert found(archive(*members, format=FORMATS[kind])) == [
        (name, content) for name, content in members if name.endswith(".txt")
    ]


@pytest.mark.parametrize("kind", ["gnu", "pax"])
def test_names_that_no_header_has_room_for(kind):
    name = "/".join(["ä" * 50] * 6) + "/é.txt"
    content = archive((name, b"one"), ("b.txt", b"two"), format=FORMATS[kind])
    assert found(content) == [(name, b"one"), ("b.txt", b"two")]


def test_sizes_that_no_header_has_room_for():
    """Written by hand: in the header 0, in a pax header the true one."""
    content = archive(("a.txt", b""), ("b.txt", b"two"), format=tarfile.USTAR_FORMAT)
    record = b"11 size=30\n"
    member = tarfile.TarInfo("x")
    member.type, member.size = tarfile.XHDTYPE, len(record)
    pax = member.tobuf(tarfile.USTAR_FORMAT) + record.ljust(512, b"\0")
    content = pax + content[:512] + (b"y" * 30).ljust(512, b"\0") + content[512:]
    assert found(content) == [("a.txt", b"y" * 30), ("b.txt", b"two")]


@pytest.mark.skipif(not shutil.which("tar"), reason="needs tar")
@pytest.mark.parametrize("kind", ["v7", "oldgnu", "gnu", "ustar", "posix"])
def test_archives_of_gnu_tar(tmp_path, kind):
    names = ["a.txt", "folder/b.txt", f"{'f' * 60}/{'n' * 30}.txt", "folder/notes", "c.txt"]
    for name in names:
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name * 100)
    command = ["tar", "-cf", "x.tar", f"--format={kind}", "-C", "in", "."]
    subprocess.run(command, cwd=tmp_path, check=True)
    assert dict(found((tmp_path / "x.tar").read_bytes())) == {
        f"./{name}": (name * 100).encode() for name in names if name.endswith(".txt")
    }


GOOD = archive(("a.txt", b"one"), ("b", b"x" * 600), ("c.txt", b"two"))  # 2 + 3 + 2 blocks


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "cut or damaged: empty header", id="nothing"),
        pytest.param(b"no archive", "cut or damaged: truncated header", id="short"),
        pytest.param(b"no archive" * 100, "cut or damaged: invalid header", id="text"),
        pytest.param(GOOD[:514], "cut within a.txt", id="cut-in-a-file"),
        pytest.param(GOOD[:512], "cut within a.txt", id="cut-after-a-header"),
        pytest.param(GOOD[: 3 * 512], "cut or damaged: unexpected end", id="cut-in-another"),
        pytest.param(GOOD[: 5 * 512 + 9], "cut or damaged: truncated header", id="cut-in-a-header"),
        pytest.param(GOOD[: 7 * 512], "cut or damaged: empty header", id="no-end"),
        pytest.param(GOOD + b"x", "more data after the end of the archive", id="more"),
        pytest.param(GOOD * 2, "more data after the end of the archive", id="two-archives"),
        pytest.param(b"b" + GOOD[1:], "cut or damaged: bad checksum", id="other-name"),
        pytest.param(
            archive(("a.txt", tarfile.LNKTYPE)),
            "a.txt is a link or the like, not a file",
            id="link",
        ),
        pytest.param(
            archive(("a.txt", tarfile.DIRTYPE)), "a.txt is a link or the like, not a file", id="dir"
        ),
    ],
)
def test_what_is_wrong_is_an_error(content, message):
    with pytest.raises(tarfile.ReadError) as caught:
        found(content)
    assert str(caught.value) == message


def header(name, size, kind=tarfile.REGTYPE):
    member = tarfile.TarInfo(name)
    member.size, member.type = size, kind
    return member.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize("size", [MAX_FILE_SIZE + 1, 1 << 40])
def test_huge_files_are_refused_before_they_are_read(size):
    with pytest.raises(tarfile.ReadError) as caught:
        found(header("a.txt", size))
    assert str(caught.value) == f"a.txt has {size} bytes, expected at most {MAX_FILE_SIZE}"


@pytest.mark.parametrize(
    "records",
    [b"x", b"0 a=b\n", b"6 a=b", b"99 a=b\n", b"5 ab\n", b"17 size=too-long\n", b"\xff" * 512],
)
def test_broken_pax_headers(records):
    content = header("x", len(records), tarfile.XHDTYPE) + records.ljust(512, b"\0")
    with pytest.raises(tarfile.ReadError, match=r"^cut or damaged: "):
        found(content + GOOD)


def test_sparse_files_are_refused():
    with pytest.raises(tarfile.ReadError, match=r"^x is a sparse file, or has no size$"):
        found(header("x", 0, tarfile.GNUTYPE_SPARSE) + GOOD)


def test_random_archives_give_what_tarfile_gives():
    draw = random.Random(0)
    for _ in range(200):
        members = []
        for i in range(draw.randrange(8)):
            folder = "/".join("f" * draw.randrange(1, 60) for _ in range(draw.randrange(6)))
            name = f"{folder}/{i}{draw.choice(['.txt', '', 'é.txt'])}"
            members.append((name, draw.randbytes(draw.choice([0, 2, 511, 512, 513, 5000]))))
        if draw.random() < 0.5:
            members.insert(0, ("folder", tarfile.DIRTYPE))
        content = archive(*members, format=draw.choice([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]))
        with tarfile.open(fileobj=io.BytesIO(content)) as tar:
            expected = [
                (member.name, tar.extractfile(member).read())
                for member in tar
                if member.isfile() and WANTED.search(member.name)
            ]
        assert found(content) == expected
