# SPDX-License-Identifier: Apache-2.0
"""The library's structs against ours: a mismatch is an error that names it, never a crash."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Callable

import pytest

import mqkafka
from mqkafka import _library, _structs
from mqkafka._structs import Row


def rows() -> list[Row]:
    count = ctypes.c_size_t()
    first = _library.lib.mqk_layouts(ctypes.byref(count))
    return _structs.read_rows(first, count.value)


def test_the_structs_are_the_librarys() -> None:
    structs = _structs.build_all(rows())
    for row in rows():
        struct = structs.get(row.structure)
        if struct is None:
            continue
        if row.member is None:
            assert ctypes.sizeof(struct) == row.size
        else:
            member = getattr(struct, row.member)
            assert (member.offset, member.size) == (row.offset, row.size)
    assert set(mqkafka.FIELDS) >= {"clientid", "topic", "payload", "qos", "retain", "is_bridge"}


def change(name: str, member: str, to: Callable[[Row], "list[Row]"]) -> list[Row]:
    out = []
    for row in rows():
        out += to(row) if (row.structure, row.member) == (name, member) else [row]
    assert out != rows()
    return out


@pytest.mark.parametrize(
    "name, member, to, words",
    [
        ("mqk_event", "token", lambda r: [], "mqk_event.token is not there"),
        ("mqk_event", "topic", lambda r: [r._replace(size=8)], "mqk_event.topic has 8 bytes"),
        ("mqk_host", "node", lambda r: [r._replace(offset=12)], "mqk_host.node overlaps"),
        ("mqk_error", "line", lambda r: [r._replace(size=8)], "mqk_error.line has 8 bytes"),
        ("mqk_health", "message", lambda r: [r._replace(offset=400)], "mqk_health.message lies outside"),
        ("mqk_pair", "value", lambda r: [r, Row("mqk_pair", "more", 24, 8)], "does not know: more"),
    ],
)
def test_a_mismatch_names_the_member(
    name: str, member: str, to: Callable[[Row], "list[Row]"], words: str
) -> None:
    with pytest.raises(mqkafka.LayoutError, match=words):
        _structs.build_all(change(name, member, to))


def test_a_missing_struct() -> None:
    with pytest.raises(mqkafka.LayoutError, match="mqk_record is not there"):
        _structs.build_all([row for row in rows() if row.structure != "mqk_record"])


def grown(name: str, *members: Row) -> list[Row]:
    """The rows of a library whose struct has more members."""
    more = sum(row.size for row in members)
    out = []
    for row in rows():
        if row.structure == name and row.member is None:
            row = row._replace(size=row.size + more)
        out.append(row)
    return out + list(members)


def test_a_newer_library_is_fine() -> None:
    size = ctypes.sizeof(_library.structs["mqk_event"])
    event = _structs.build_all(
        grown("mqk_event", Row("mqk_event", "colour", size, 16), Row("mqk_event", "weight", size + 16, 8))
    )["mqk_event"]
    assert (event.colour.offset, event.weight.offset, ctypes.sizeof(event)) == (size, size + 16, size + 24)
    size = ctypes.sizeof(_library.structs["mqk_host"])
    host = _structs.build_all(grown("mqk_host", Row("mqk_host", "unheard_of", size, 8)))["mqk_host"]
    assert ctypes.sizeof(host) == size + 8


def test_no_bytes_behind_the_end() -> None:
    with pytest.raises(mqkafka.LayoutError, match="mqk_layout is not the struct"):
        table = (_structs.Layout * 1)(_structs.Layout(b"mqk_layout", None, 0, 40))
        _structs.read_rows(ctypes.addressof(table), 1)
    with pytest.raises(mqkafka.LayoutError):
        _structs.read_rows(ctypes.addressof(table), 0)


def importing(**environment: str) -> "subprocess.CompletedProcess[str]":
    env = {k: v for k, v in os.environ.items() if k not in ("MQKAFKA_LIBRARY", "LD_LIBRARY_PATH")}
    package = Path(_library.__file__).parents[1]
    env["PYTHONPATH"] = str(package)
    return subprocess.run(
        [sys.executable, "-c", "import mqkafka; print(mqkafka.version(), mqkafka._library.lib._name)"],
        env={**env, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
    )


def loaded_library() -> Path:
    """The file that this process has loaded."""
    with open("/proc/self/maps", encoding="utf-8") as maps:
        for line in maps:
            if "libmqkafka.so" in line:
                return Path(line.split(maxsplit=5)[5].strip())
    raise AssertionError("the library is not there")


def test_where_the_library_is_found(tmp_path: Path) -> None:
    library = loaded_library()
    named = importing(MQKAFKA_LIBRARY=str(library))
    assert named.returncode == 0 and named.stdout.split()[1] == str(library)
    (tmp_path / "libmqkafka.so.1").symlink_to(library)
    system = importing(LD_LIBRARY_PATH=str(tmp_path))
    assert system.returncode == 0 and system.stdout.split()[1] == "libmqkafka.so.1"


def test_a_library_inside_the_package(tmp_path: Path) -> None:
    library = loaded_library()
    shutil.copytree(Path(mqkafka.__file__).parent, tmp_path / "mqkafka")
    (tmp_path / "mqkafka/libmqkafka.so.1").symlink_to(library)
    found = importing(PYTHONPATH=str(tmp_path))
    assert found.returncode == 0, found.stderr
    assert found.stdout.split()[1] == str(tmp_path / "mqkafka/libmqkafka.so.1")


def test_no_library() -> None:
    for name in ("/nowhere/libmqkafka.so.1", str(Path(__file__))):
        done = importing(MQKAFKA_LIBRARY=name)
        assert done.returncode == 1
        last = done.stderr.strip().splitlines()[-1]
        assert last.startswith("ImportError: libmqkafka was not found") and name in last
        assert "MQKAFKA_LIBRARY" in last


FOREIGN = """
#include <stddef.h>
struct row { const char *structure, *member; size_t offset, size; };
#ifndef NO_LAYOUTS
static const struct row rows[] = {{"mqk_layout", 0, 0, sizeof(struct row)},
                                  {"mqk_str", 0, 0, 16},
                                  {"mqk_str", "len", 0, 8},
                                  {"mqk_str", "data", 8, 4}};
const void *mqk_layouts(size_t *count) { *count = 4; return rows; }
#else
int mqk_version;
#endif
"""


@pytest.mark.parametrize(
    "flags, words",
    [
        (["-DNO_LAYOUTS"], "the library is too old for this package: it has no mqk_layouts"),
        ([], "LayoutError: libmqkafka: mqk_str.data has 4 bytes, this package knows it with 8"),
    ],
)
def test_a_foreign_library(tmp_path: Path, flags: "list[str]", words: str) -> None:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("cc is missing")
    source, library = tmp_path / "foreign.c", tmp_path / "foreign.so"
    source.write_text(FOREIGN)
    subprocess.run([compiler, "-shared", "-fPIC", *flags, str(source), "-o", str(library)], check=True)
    done = importing(MQKAFKA_LIBRARY=str(library))
    assert done.returncode == 1 and words in done.stderr.strip().splitlines()[-1]
