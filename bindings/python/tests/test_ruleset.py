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


CONSUMERS = """
kafka:
  client: { servers: [k] }
  consumer:
    - { name: say, topics: [in], group_id: g, action: publish, where: "headers.ok = 'yes'", qos: 2,
        mqtt_topic: "to/${key}", user_properties_from: headers }
    - { name: out, topics: ["^in"], group_id: g, action: kick, username: ["${value.user}"],
        reason: "${node} ${ts} ${ts_type} ${partition} ${offset}" }
    - { name: clean, topics: [acl], group_id: g, action: acl_clean, clientid: ["${key}"] }
    - { name: call, topics: [acl], group_id: g, action: callback, skip_own: true }
"""


def test_consumer_rules_explain_a_record() -> None:
    rules = mqkafka.Config.from_text(CONSUMERS)
    verdicts, commands = mqkafka.explain_record(
        rules,
        "in",
        key=b"k",
        value=bytearray(b'{"user":"u"}'),
        headers={"ok": "yes"},
        partition=3,
        offset=2**53 + 1,
        timestamp_ms=1700000000123,
        node="n1",
    )
    assert [(v.rule, v.rule_index, v.matched) for v in verdicts] == [
        ("say", 0, True),
        ("out", 1, True),
        ("clean", 2, False),
        ("call", 3, False),
    ]
    publish, kick = commands
    assert isinstance(publish, mqkafka.Publish) and isinstance(kick, mqkafka.Kick)
    assert (publish.topic, publish.payload, publish.qos) == ("to/k", b'{"user":"u"}', 2)
    assert publish.user_properties == (("ok", "yes"),)
    assert (publish.record.partition, publish.record.rule) == (3, "say")
    assert (kick.username, kick.clientid) == ("u", None)
    assert kick.reason == "n1 1700000000123 create 3 9007199254740993"
    clean, record = mqkafka.explain_record(rules, "acl", key="c").commands
    assert isinstance(clean, mqkafka.AclClean) and clean.clientid == "c"
    assert isinstance(record, mqkafka.Record) and (record.key, record.value) == (b"c", None)


def test_records_that_no_consumer_rule_wants() -> None:
    rules = mqkafka.Config.from_text(CONSUMERS)
    said = mqkafka.explain_record(rules, "acl", headers=[("mqk-origin", "n2"), ("x", b"\xff")])
    assert said.commands == []
    assert said.verdicts[2].reason.startswith("clientid: a value is missing")
    assert said.verdicts[3].reason.startswith("skip_own")
    said = mqkafka.explain_record(rules, "in", cluster="other")
    assert {v.matched for v in said.verdicts} == {False} and '"other"' in said.verdicts[0].reason
    with pytest.raises(TypeError, match="topic must be str or bytes"):
        mqkafka.explain_record(rules, 7)  # type: ignore[arg-type]
