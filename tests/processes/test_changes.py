"""What counts as a change of the source."""

import os

import pytest

from dustdevil.processes import Changes


@pytest.fixture
def folder(tmp_path):
    for name in ("app.py", "deep/er/part.py", "notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1")
    return tmp_path


def test_nothing_has_changed(folder):
    changed = Changes(folder)
    assert not changed()
    (folder / "notes.txt").write_text("two")
    assert not changed()


@pytest.mark.parametrize("name", ["app.py", "deep/er/part.py", "deep/new.py"])
def test_a_change_is_told_once(folder, name):
    changed = Changes(folder)
    (folder / name).write_text("two")
    assert changed()
    assert not changed()


def test_the_time_counts_where_the_size_is_the_same(folder):
    changed = Changes(folder)
    os.utime(folder / "app.py", ns=(1, 1))
    assert changed()


def test_what_is_gone_has_changed(folder):
    changed = Changes(folder)
    (folder / "app.py").unlink()
    assert changed()


@pytest.mark.parametrize("name", [".hidden", "__pycache__", "node_modules", "env"])
def test_folders_without_source_of_ours(folder, name):
    (folder / name).mkdir()
    (folder / "env" / "pyvenv.cfg").parent.mkdir(exist_ok=True)
    (folder / "env" / "pyvenv.cfg").write_text("")
    changed = Changes(folder)
    (folder / name / "part.py").write_text("")
    assert not changed()


def test_links_are_not_followed_but_files_that_dangle_do_no_harm(folder):
    (folder / "deep" / "loop").symlink_to(folder)
    (folder / "gone.py").symlink_to("nowhere")
    changed = Changes(folder)
    assert not changed()
    assert len(changed.look()) == 2
