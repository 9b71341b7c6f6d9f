"""`make lines`: the share that the book shows, and the minimal server."""

import json

from workshop import cli, lines, listings


def test_what_is_counted_is_what_is_imported(tmp_path, monkeypatch):
    folder = tmp_path / "dustdevil"
    for name, text in {
        "__init__": "",
        "http/__init__": '"""HTTP."""\n',
        "http/server": "from dustdevil import base\nfrom dustdevil.loop.turn import f",
        "http/client": "import socket\n",
        "loop/__init__": "",
        "loop/turn": "def f():\n    from dustdevil.late import g\n",
        "late": "g = 1\n",
        "base": "",
        "other": "from dustdevil.http.server import base\n",
    }.items():
        file = folder / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    monkeypatch.setattr(listings, "package_folder", lambda: folder)
    counted = {lines.module_of(file) for file in lines.minimal_server()}
    assert counted == {"", "http", "http.server", "loop", "loop.turn", "late", "base"}


def test_the_command_prints_shares_and_the_minimal_server(tmp_path, capsys):
    cell = {"cell_type": "code", "source": "show('loop.poller')"}
    (tmp_path / "1.ipynb").write_text(json.dumps({"cells": [cell]}))
    assert cli.main(["lines", str(tmp_path), "--missing"]) == 0
    printed = capsys.readouterr().out
    rows = {
        line.split()[0]: line.split()[-1]
        for line in printed.split("\n\n")[0].splitlines()
    }
    assert rows["loop.poller"] == "100%"
    assert rows["loop.eventloop"] == "0%"
    assert "not shown: " in printed
    total = sum(map(lines.count, lines.minimal_server()))
    assert f"{total:,} lines:" in printed
