"""The config's file: what cannot be kept is refused or copied, and there is one writer."""

import pytest

from preprocessing.errors import InputError
from serving.registry import config_file
from serving.registry.changes import promote
from tests.serving.registry.version_folders import model_with_versions

ENTRY = 'config { name: "a#b" base_path: "/m" model_platform: "tensorflow" }'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"model_config_list {{ {ENTRY} shiny: 3 }}", 'no field named "shiny"'),
        ("model_config_list {", "1:19"),
        ("custom_model_config { }", "holds a custom_model_config"),
        (b"\xff", "utf-8"),
    ],
    ids=["unknown-field", "cut", "custom", "not-utf8"],
)
def test_what_cannot_be_read_is_left_as_it_is(tmp_path, text, message):
    qa = model_with_versions(tmp_path, 1)
    content = text if isinstance(text, bytes) else text.encode()
    qa.config.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        promote(qa, 1, "stable")
    assert str(qa.config) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert qa.config.read_bytes() == content


def test_comments_are_copied_before_they_are_lost(tmp_path):
    qa = model_with_versions(tmp_path, 1, 2)
    commented = f"# ours\nmodel_config_list {{ {ENTRY} }}  # end\n"
    qa.config.write_text(commented)
    lines = promote(qa, 1, "stable")
    assert lines[-2].endswith(f"a copy is {tmp_path}/models.config.bak")
    promote(qa, 2, "stable")
    assert sorted(path.name for path in tmp_path.glob("models.config*")) == [
        "models.config", "models.config.bak",
    ]  # fmt: skip
    assert (tmp_path / "models.config.bak").read_text() == commented
    qa.config.write_text(qa.config.read_text() + "# mine\n")
    promote(qa, 1, "stable")
    assert (tmp_path / "models.config.bak-2").read_text().endswith("# mine\n")


def test_a_link_and_the_permissions_stay(tmp_path):
    qa = model_with_versions(tmp_path / "models", 1)
    real = tmp_path / "real.config"
    real.write_text("")
    real.chmod(0o640)
    qa.config.symlink_to(real)
    promote(qa, 1, "stable")
    assert qa.config.is_symlink()
    assert 'key: "stable"' in real.read_text()
    assert real.stat().st_mode & 0o777 == 0o640


def test_a_second_writer_waits_and_gives_up(tmp_path):
    path = tmp_path / "models.config"
    with (
        config_file.opened(path),
        pytest.raises(InputError, match="another registry command has been at work on it"),
        config_file.opened(path, timeout_s=0.1),
    ):
        pass
    with config_file.opened(path, timeout_s=0.1):
        pass
