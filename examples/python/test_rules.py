# SPDX-License-Identifier: Apache-2.0
"""Rules are tested like code: this event gives this record. No Kafka, no broker.

pip install mqkafka pytest
pytest test_rules.py
"""

from __future__ import annotations

from pathlib import Path

import pytest

from mqkafka import Ruleset


@pytest.fixture(scope="module")
def rules() -> Ruleset:
    return Ruleset.from_file(Path(__file__).with_name("broker.yaml"))


def test_a_measurement_becomes_telemetry(rules: Ruleset) -> None:
    (record,) = rules.evaluate(
        "message.publish",
        clientid="oven-3",
        topic="factory/berlin/line/3",
        payload='{"temp":31.50}',
        qos=1,
    )
    assert (record.rule, record.topic, record.key) == ("telemetry", "telemetry", b"oven-3")
    assert record.text == '{"plant":"berlin","device":"oven-3","temp":31.50,"qos":1}'


@pytest.mark.parametrize("payload", ["", "not JSON", '{"temp":null}', '{"other":1}'])
def test_a_measurement_without_temperature(rules: Ruleset, payload: str) -> None:
    (record,) = rules.evaluate("message.publish", clientid="c", topic="factory/x/y", payload=payload)
    assert record.json["temp"] is None


@pytest.mark.parametrize(
    "topic, rule",
    [("factory/berlin/1", "telemetry"), ("factory", "the-rest"), ("$SYS/uptime", None)],
)
def test_which_rule_takes_a_message(rules: Ruleset, topic: str, rule: str | None) -> None:
    records = rules.evaluate("message.publish", clientid="c", topic=topic, payload="{}")
    assert [record.rule for record in records] == ([rule] if rule else [])


def test_nobody_escapes_from_a_json_string(rules: Ruleset) -> None:
    (record,) = rules.evaluate("client.connected", clientid='x","admin":true,"y":"', node="n1")
    assert record.json["client"] == 'x","admin":true,"y":"'
    assert "admin" not in record.json


def test_why_a_rule_does_not_match(rules: Ruleset) -> None:
    telemetry = rules.explain("message.publish", topic="site/berlin")[0]
    assert not telemetry.matched
    assert telemetry.reason == 'topic "site/berlin" does not match filter "factory/+/#"'
