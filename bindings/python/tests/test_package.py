# SPDX-License-Identifier: Apache-2.0
"""Wheel and sdist are built, and work in a clean virtual environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path
from typing import Any

import pytest

from conftest import REPO
from test_layouts import loaded_library

PACKAGE = REPO / "bindings" / "python"
MODULES = {f"mqkafka/{path.name}" for path in (PACKAGE / "src/mqkafka").iterdir() if path.is_file()}

SAFELY: "dict[str, Any]" = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}

PROGRAM = """
import mqkafka
rules = "kafka: { client: { servers: [embedded] }, hook: [ { hook: message.publish, topic: t } ] }"
with mqkafka.Bridge(mqkafka.Config.from_text(rules)) as bridge:
    print(mqkafka.__file__)
    print(bridge.on_event_future("message.publish", topic="a", payload="b").result(30))
"""


def build(source: Path, out: Path, *what: str, **environment: str) -> list[Path]:
    """Builds from a copy, so that nothing is left in the source folder."""
    pytest.importorskip("build", reason="build is missing")
    copy = out / "source"
    ignore = shutil.ignore_patterns("build", "*.egg-info", "__pycache__", ".mypy_cache")
    shutil.copytree(source, copy, ignore=ignore)
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", *what, "--outdir", str(out / "dist"), str(copy)],
        env={**{k: v for k, v in os.environ.items() if k != "PYTHONPATH"}, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return sorted((out / "dist").iterdir())


def run_installed(folder: Path, what: str, **environment: str) -> None:
    """Installs into a clean environment, without a registry, and runs a program there."""
    venv.create(folder / "venv", with_pip=True)
    python = str(folder / "venv/bin/python")
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MQKAFKA_", "PYTHON", "LD_LIBRARY"))}
    pip = [python, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", what]
    subprocess.run(pip, env=env, check=True, cwd=folder)
    done = subprocess.run(
        [python, "-W", "error", "-c", PROGRAM],
        env={**env, **environment},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    assert lines[-1] == "1" and any(line.startswith(str(folder / "venv")) for line in lines)


def test_wheel_and_sdist(tmp_path: Path) -> None:
    sdist, wheel = sorted(build(PACKAGE, tmp_path), key=lambda path: path.suffix)
    assert wheel.name == "mqkafka-0.9.0-py3-none-any.whl" and sdist.name == "mqkafka-0.9.0.tar.gz"
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name for name in names if name.startswith("mqkafka/")} == MODULES
    with tarfile.open(sdist) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    assert {f"src/{name}" for name in MODULES} | {"README.md", "pyproject.toml"} <= inside
    assert "tests/test_bridge.py" in inside
    run_installed(tmp_path, str(wheel), MQKAFKA_LIBRARY=str(loaded_library()))


def test_a_wheel_from_the_sdist_is_the_same(tmp_path: Path) -> None:
    (sdist,) = build(PACKAGE, tmp_path / "first", "--sdist")
    with tarfile.open(sdist) as archive:
        for member in (m for m in archive.getmembers() if m.isreg()):
            archive.extract(member, tmp_path / "unpacked", **SAFELY)
    (folder,) = (tmp_path / "unpacked").iterdir()
    (wheel,) = build(folder, tmp_path / "second", "--wheel")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name for name in names if name.startswith("mqkafka/")} == MODULES


def test_a_wheel_with_the_library(tmp_path: Path) -> None:
    (wheel,) = build(PACKAGE, tmp_path, "--wheel", MQKAFKA_BUNDLE=str(loaded_library()))
    assert wheel.name.startswith("mqkafka-0.9.0-py3-none-linux_")
    assert "mqkafka/libmqkafka.so.1" in zipfile.ZipFile(wheel).namelist()
    run_installed(tmp_path, str(wheel))
