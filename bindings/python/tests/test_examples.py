# SPDX-License-Identifier: Apache-2.0
"""The examples in Python run. (That of a broker is in test_broker.py.)"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import mqkafka
from conftest import REPO

EXAMPLES = REPO / "examples" / "python"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(mqkafka.__file__).parents[1])}


def test_the_rule_test() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_rules.py"],
        cwd=EXAMPLES,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0 and re.search(r"^\d+ passed", done.stdout, re.MULTILINE), done.stdout


def test_the_gateway() -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "gateway.py")],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "Registers -> 2 record(s)",
        "Request -> 1 record(s)",
        "Registers -> 1 record(s)",
        "Request -> 0 record(s)",
        "4 events, 4 records delivered",
    ]


def test_the_gateways_rules() -> None:
    rules = mqkafka.Ruleset.from_file(EXAMPLES / "gateway.yaml")
    records = rules.evaluate(
        "custom.modbus",
        clientid="plc-1",
        payload=b"\x41\xac\x00\x00",
        timestamp=1700000000123,
        attributes={"unit": "17", "register": "40001", "float": "21.5"},
    )
    assert [(r.topic, r.key, r.value) for r in records] == [
        ("temperatures", b"plc-1", b'{"device":"plc-1","celsius":21.5,"at":"2023-11-14T22:13:20.123Z"}'),
        ("registers", b"plc-1/40001", b"\x41\xac\x00\x00"),
    ]
    (door,) = rules.evaluate(
        "custom.coap",
        action="PUT",
        topic="sensors/door/3",
        payload='{"open":true}',
        peerhost="192.0.2.7",
    )
    assert (door.key, door.text) == (b"3", '{"door":"3","open":true,"from":"192.0.2.7"}')
