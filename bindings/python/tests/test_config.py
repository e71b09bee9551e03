# SPDX-License-Identifier: Apache-2.0
"""Configurations: sources, merging, and mistakes with their places."""

from __future__ import annotations

from pathlib import Path

import pytest

import mqkafka
from mqkafka import Config, Source

GOOD = "kafka:\n  client: { servers: [embedded] }\n  hook:\n    - { hook: message.publish, topic: a }\n"


def test_from_file_and_text(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(GOOD)
    assert len(mqkafka.Ruleset(Config.from_file(path))) == 1
    assert len(mqkafka.Ruleset.from_file(str(path))) == 1
    assert len(mqkafka.Ruleset(Config.from_text(GOOD))) == 1


def test_merged_appends_rules_and_replaces_settings(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(GOOD)
    more = Source("kafka:\n  hook:\n    - { name: second, hook: client.connected, topic: b }\n")
    rules = mqkafka.Ruleset(Config.merged(path, more))
    assert [v.rule for v in rules.explain("client.connected")] == ["hook[0]", "second"]


@pytest.mark.parametrize(
    "old, new, kind, line, column, words",
    [
        ("topic: a", "topic: a, topik: b", mqkafka.ConfigError, 4, 0, 'did you mean "topic"'),
        ("topic: a", "topic: '${clintid}'", mqkafka.TemplateError, 4, 0, 'did you mean "clientid"'),
        ("topic: a", "topic: a, filter: a/#/b", mqkafka.FilterError, 4, 0, "#"),
        ("  hook:", "  hook: [", mqkafka.ConfigSyntaxError, 0, 0, ""),
        ("topic: a", "topic: a, hook: x", mqkafka.ConfigError, 4, 0, "hook"),
    ],
)
def test_mistakes_have_a_place(
    old: str, new: str, kind: type[mqkafka.MqkError], line: int, column: int, words: str
) -> None:
    with pytest.raises(kind) as caught:
        Config.from_text(GOOD.replace(old, new), "rules.yaml")
    error = caught.value
    assert type(error) is kind and error.code < 0 and error.name.startswith("MQK_ERR_")
    assert words in error.message and "rules.yaml" in error.message
    assert error.line == line or (line == 0 and error.line > 0)
    assert column in (0, error.column)


def test_all_problems_are_told() -> None:
    text = GOOD.replace("topic: a", "topik: a, filtr: b, topic: c")
    with pytest.raises(mqkafka.ConfigError) as caught:
        Config.from_text(text)
    problems = caught.value.problems
    assert len(problems) == 2 and not any(p.warning for p in problems)
    assert {p.line for p in problems} == {4}
    assert isinstance(caught.value, ValueError)


def test_warnings_do_not_refuse() -> None:
    config = Config.from_text(GOOD.replace("topic: a", "topic: a, value: '{\"a\":${clientid} x}'"))
    assert [w.warning for w in config.warnings] == [True]
    assert "looks like JSON" in config.warnings[0].message


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(mqkafka.ConfigFileError, match="none.yaml"):
        Config.from_file(tmp_path / "none.yaml")


def test_no_source_and_hostile_text() -> None:
    with pytest.raises(ValueError):
        Config.merged()
    for text in ("", "\0", "kafka: " + "[" * 10000, "\ufeff", "&a [*a]"):
        with pytest.raises(mqkafka.MqkError):
            Config.from_text(text)


def test_rulesets_outlive_their_config() -> None:
    config = Config.from_text(GOOD)
    rules = mqkafka.Ruleset(config)
    del config
    assert rules.evaluate("message.publish", topic="x", payload="y")[0].topic == "a"
