# SPDX-License-Identifier: Apache-2.0
"""Every program of README.md runs and prints what stands below it; every name in it exists."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import mqkafka
from conftest import REPO

README = (REPO / "bindings/python/README.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"^```python\n(.*?)^```$(?:\s*^```text\n(.*?)^```$)?", README, re.DOTALL | re.MULTILINE)


def test_there_are_programs() -> None:
    assert len(PROGRAMS) == README.count("```python") >= 6


@pytest.mark.parametrize("program, output", PROGRAMS)
def test_programs(program: str, output: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(Path(mqkafka.__file__).parents[1])},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stdout) == (0, output), done.stderr


def test_the_installation(tmp_path: Path) -> None:
    """The command of the page, less what would ask a registry."""
    (command,) = re.findall(r"^```sh\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    assert command == "pip install ./bindings/python\n"
    ignore = shutil.ignore_patterns("build", "*.egg-info", "__pycache__")
    shutil.copytree(REPO / "bindings/python", tmp_path / "bindings/python", ignore=ignore)
    done = subprocess.run(
        [sys.executable, "-m", *command.split(), "--no-index", "--no-build-isolation", "--no-deps"]
        + ["--target", str(tmp_path / "installed")],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert (tmp_path / "installed/mqkafka/py.typed").exists()


def test_everything_public_is_named() -> None:
    words = set(re.findall(r"\w+", README))
    errors = {n for n in mqkafka.__all__ if n.endswith("Error") and n != "MqkError"}
    methods = {n for n in vars(mqkafka.Bridge) if not n.startswith("_")} - {"closed", "servers"}
    assert sorted((errors | methods) - words) == []


def test_names_in_the_page_exist() -> None:
    for name in re.findall(r"`mqkafka\.(\w+)", README):
        assert hasattr(mqkafka, name), name
    for path in re.findall(r"\]\(([^)#]+)\)", README):
        assert (REPO / "bindings/python" / path).exists(), path


def test_versions_agree() -> None:
    toml = (REPO / "bindings/python/pyproject.toml").read_text()
    assert f'version = "{mqkafka.__version__}"' in toml
    assert mqkafka.version().split(".")[:2] == mqkafka.__version__.split(".")[:2]
