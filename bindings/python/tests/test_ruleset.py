# SPDX-License-Identifier: Apache-2.0
"""Rules without Kafka: records, verdicts, templates, and how fields reach them."""

from __future__ import annotations

import json
from typing import Any

import pytest

import mqkafka
from conftest import config
from mqkafka import Ruleset, Template


def test_a_record_in_full() -> None:
    rules = Ruleset(
        config(
            "{ name: r, hook: message.publish, filter: 'a/+/#', topic: 'x.${filter.1}', key: '${clientid}',"
            ' value: \'{"t":${payload.t}}\', headers: [{name: h, value: "${user.trace}"}, {name: n, value: "${username}"}],'
            " timestamp: '${timestamp}', partition: '3' }"
        )
    )
    (record,) = rules.evaluate(
        "message.publish",
        topic="a/b/c",
        payload=b'{"t":31.50}',
        clientid="dev",
        timestamp=1700000000123,
        user_properties=[("trace", "1"), ("trace", "2")],
    )
    assert (record.topic, record.key, record.value) == ("x.b", b"dev", b'{"t":31.50}')
    assert record.json == {"t": 31.5} and record.text == '{"t":31.50}'
    assert record.headers[0][0] == "h" and record.headers[1] == ("n", None)
    assert (record.timestamp_ms, record.partition) == (1700000000123, 3)
    assert (record.rule, record.rule_index, record.cluster) == ("r", 0, "default")
    assert record.status == "MQK_OK"


def test_null_and_refused_records() -> None:
    rules = Ruleset(
        config("{ hook: message.publish, topic: '${clientid}', key: '${username}', value: '${username}' }")
    )
    (record,) = rules.evaluate("message.publish", topic="a", clientid="not legal")
    assert (record.key, record.value, record.partition) == (None, None, None)
    assert record.status == "MQK_ERR_TOPIC" and record.json is None
    (record,) = rules.evaluate("message.publish", topic="a", clientid="legal", username="")
    assert (record.key, record.value) == (b"", b"")


def test_explain_says_why() -> None:
    rules = Ruleset(
        config(
            "{ name: one, hook: message.publish, filter: a/#, topic: t }",
            "{ name: two, hook: client.connected, topic: t }",
        )
    )
    verdicts = rules.explain("message.publish", topic="b")
    assert [(v.rule, v.matched) for v in verdicts] == [("one", False), ("two", False)]
    assert '"b" does not match filter "a/#"' in verdicts[0].reason
    assert [v.matched for v in rules.explain("message.publish", topic="a/b")] == [True, False]


@pytest.mark.parametrize("name", mqkafka.FIELDS)
def test_every_field(name: str) -> None:
    template = Template("${%s}" % name, "text")
    accepted = []
    for value, expected in (("text \u20ac", "text \u20ac".encode()), (1, b"1"), (True, b"true")):
        try:
            text = template.render("custom.x", **{name: value})
        except TypeError:  # a number for a text, or the other way round
            continue
        assert text == expected or (value in (1, True) and text in (b"1", b"true"))
        accepted.append(value)
    assert accepted in (["text \u20ac"], [1, True])
    if name not in ("timestamp", "node"):  # which have a value in any case
        assert template.render("custom.x", **{name: None}) is None


@pytest.mark.parametrize(
    "template, fields, expected",
    [
        ("${user.a}", {"user_properties": {"a": "b"}}, b"b"),
        ("${user.a}", {"user_properties": [("b", "1"), (b"a", b"\xff\x00")]}, b"\xff\x00"),
        ("${attr.unit}", {"attributes": {"unit": "3"}}, b"3"),
        ("${pub_props.Content-Type}", {"properties": {"Content-Type": "text/plain"}}, b"text/plain"),
        ("${pub_props.Message-Expiry-Interval}", {"properties": {"Message-Expiry-Interval": 60}}, b"60"),
        ("${puback_props.Reason-String}", {"ack_properties": {"Reason-String": "ok"}}, b"ok"),
        ("${payload}", {"payload": bytearray(b"ab")}, b"ab"),
        ("${payload}", {"payload": memoryview(b"xab")[1:]}, b"ab"),
        ("${payload}", {"payload": b""}, b""),
        ("${payload}", {}, None),
        ("${user.a}", {"user_properties": []}, None),
    ],
)
def test_other_keywords(template: str, fields: dict[str, Any], expected: Any) -> None:
    assert Template(template).render("message.acked", **fields) == expected


@pytest.mark.parametrize(
    "hook, fields, kind, words",
    [
        ("message.publsh", {}, mqkafka.ArgumentError, 'did you mean "message.publish"'),
        ("custom.", {}, mqkafka.ArgumentError, "custom."),
        ("", {}, mqkafka.ArgumentError, "no hook"),
        (None, {}, TypeError, "hook"),
        ("message.publish", {"clintid": "a"}, TypeError, 'did you mean "clientid"'),
        ("message.publish", {"clientid": 3}, TypeError, "clientid"),
        ("message.publish", {"qos": "1"}, TypeError, "qos"),
        ("message.publish", {"qos": 1.5}, TypeError, "qos"),
        ("message.publish", {"timestamp": 2**63}, OverflowError, "timestamp"),
        ("message.publish", {"timestamp": -(2**63)}, OverflowError, "timestamp"),
        ("message.publish", {"topic": "\ud800"}, UnicodeEncodeError, "surrogates"),
        ("message.publish", {"user_properties": [("a",)]}, ValueError, "unpack"),
        ("message.publish", {"user_properties": [("a", 1)]}, TypeError, "user_properties"),
        ("message.publish", {"properties": {"a": 1.5}}, TypeError, "properties"),
        ("message.publish", {"user_properties": 7}, TypeError, "iterable"),
    ],
)
def test_what_cannot_be(hook: Any, fields: dict[str, Any], kind: type[Exception], words: str) -> None:
    rules = Ruleset(config("{ hook: '*', topic: t }"))
    with pytest.raises(kind, match=words):
        rules.evaluate(hook, **fields)


def test_a_large_template_output_and_errors() -> None:
    assert len(Template("${payload}").render("message.publish", payload=b"x" * 100000) or b"") == 100000
    with pytest.raises(mqkafka.TemplateError) as caught:
        Template("abc ${clintid}")
    assert caught.value.column > 4
    with pytest.raises(mqkafka.TemplateError):
        Template("no json", "json")


def test_whole_event_is_json() -> None:
    text = Template("${.}").render("message.publish", clientid='a"b', payload=b'{"n":1.10}', qos=1)
    assert text is not None and json.loads(text)["clientid"] == 'a"b'


@pytest.mark.parametrize("topic_filter, topic, matches", [("a/#", "a", True), ("a/+", "a/b/c", False), ("#", "$SYS/x", False)])
def test_topics(topic_filter: str, topic: str, matches: bool) -> None:
    assert mqkafka.topic_matches(topic_filter, topic) is matches
    mqkafka.check_topic_filter(topic_filter)


def test_an_illegal_filter() -> None:
    with pytest.raises(mqkafka.FilterError) as caught:
        mqkafka.check_topic_filter("a/#/b")
    assert caught.value.code == -8 and caught.value.column == 3
