# SPDX-License-Identifier: Apache-2.0
"""`mqk convert`, from file to record: python3 test_mqk_convert.py PATH-TO-MQK [unittest options]"""
import json
import re
import sys
import textwrap
import unittest

sys.dont_write_bytecode = True
import test_mqk  # noqa: E402
from test_mqk import MqkTest  # noqa: E402

FIRST = r"""
kafka {
  ## a comment
  client {
    client_id = "gw"
    servers = ["k1:9092", "k2:9093"]
    connection_strategy = per_partition
    min_metadata_refresh_interval = 5000
    query_api_versions = true
    request_timeout = 240000
  }
  producer {
    produce = async, produce_sync_timeout = 2500
    encode_payload_type = base64
    replayq_dir = "/var/lib/replayq"
    compression = snappy
    partitioner = roundrobin
  }
  hook = [
    {
      hook = "message.publish"
      filter = "test/#"
      topic = "test"
      key = "${topic}"
      value = "{ \"topic\" : \"${topic}\", \"payload\" : \"${payload}\", \"ts\" : \"${ts}\" }"
      producer { encode_payload_type = plain, produce = sync }
    }
    { hook = client.connected, filter = "a/b", topic = conn, value = "${clientid}" }
    { hook = session.subscribed, topic = subs, key = "${topic}" }
  ]
}
"""

SECOND = r"""
plugin_kafka {
  // required
  connection {
    bootstrap_hosts = ["10.3.64.223:9192", "10.3.64.223:9292"]
    connect_timeout = 1m30s
    sasl { mechanism = plain, username = "user", password = "s\u0065cret #1" }
    ssl { enable = true, verify = verify_peer, server_name_indication = disable }
  }
  producer { partition_strategy = first_key_dispatch }
  hooks = [
    {
      endpoint = message.publish
      filter = "test/#"
      kafka_topic = emqx_msg_publish
      kafka_message = {
        timestamp = "${.timestamp}"
        value = "${.}"
        key = "${.clientid}"
      }
    }
    , { endpoint = client.disconnected, kafka_topic = gone
        kafka_message { value = "${.reason}" } }
    , { endpoint = client.connect }
  ]
}
"""

MESSAGE = {"hook": "message.publish", "clientid": "c1", "topic": "test/a", "payload": "p\"",
           "qos": 1, "timestamp": 1700000000123, "node": "n1"}


class ConvertTest(MqkTest):
    def convert(self, text, name="emqx_plugin_kafka.conf", code=0, args=()):
        """The YAML, and the notes."""
        return self.run_mqk("convert", self.file(name, text), *args, code=code)

    def records(self, yaml, event):
        """The records of a converted configuration, which must load without errors."""
        path = self.file("converted.yaml", yaml)
        self.run_mqk("check", path)
        out, _ = self.run_mqk("explain", path, "--event", json.dumps(event), "--json")
        return json.loads(out)["records"]

    def hook(self, rule):
        return "kafka { client { servers = [a] }, hook = [ %s ] }" % rule


class FirstGeneration(ConvertTest):
    def test_settings(self):
        yaml, _ = self.convert(FIRST)
        for line in ('client_id: "gw"', '- "k1:9092"', '- "k2:9093"', "produce: async",
                     "produce_sync_timeout: 2500ms", "encode_payload_type: base64",
                     "compression: snappy", "partitioner: roundrobin", "request_timeout: 240s",
                     "min_metadata_refresh_interval: 5s", 'replayq_dir: "/var/lib/replayq"'):
            self.assertIn(line + "\n", yaml)

    def test_queue_folders(self):
        file = ("kafka { producer { replayq_dir = %s }, hook = [{hook = message.publish, topic = t, "
                "producer { replayq_dir = /r }}] }")
        for folder, note in (('"/q"', ""), ("q/p", "relative"), ("false", "no folder"),
                             ('""', "no folder"), ("null", ""), ("undefined", "")):
            with self.subTest(folder):
                yaml, err = self.convert(file % folder)
                kept = "q" in folder
                self.assertEqual(len(re.findall("(?m)^ +replayq_dir: ", yaml)), 1 + kept)
                self.assertIn('        replayq_dir: "/r"\n', yaml)
                self.assertIn(note, err)
                self.assertEqual("kafka.producer.replayq_dir" in err, note != "")
                self.records(yaml, MESSAGE)

    def test_defaults_are_written(self):
        yaml, _ = self.convert("kafka { hook = [{hook = message.publish, topic = t}] }")
        for line in ("client_id: emqx_kafka", '- "localhost:9092"', "produce: sync",
                     "produce_sync_timeout: 3000ms", "encode_payload_type: plain",
                     "compression: none", "partitioner: random", 'filter: "#"'):
            self.assertIn(line + "\n", yaml)
        self.assertNotIn("key:", yaml)
        self.assertNotIn("replayq_dir:", yaml)

    def test_what_has_no_counterpart_is_named_twice(self):
        yaml, err = self.convert(FIRST)
        for setting in ("kafka.client.connection_strategy", "kafka.client.query_api_versions",
                        "kafka.hook[1].filter"):
            self.assertRegex(yaml, r"(?m)^#   line \d+: " + setting.replace("[", r"\["))
            self.assertIn(setting, err)
        _, err = self.convert("kafka { nosuch { a = 1, b = [x, y] }, "
                              "hook = [{hook = message.publish, topic = t, colour = red}] }")
        for setting in ("kafka.nosuch.a", "kafka.nosuch.b[0]", "kafka.hook[0].colour"):
            self.assertIn(setting, err)

    def test_records(self):
        yaml, _ = self.convert(FIRST)
        record = self.records(yaml, MESSAGE)[0]
        self.assertEqual(record["topic"], "test")
        self.assertEqual(record["key"], "test/a")
        self.assertEqual(
            record["value"],
            '{ "topic" : "test/a", "payload" : "p\\"", "ts" : "1700000000123" }')
        self.assertEqual(self.records(yaml, {**MESSAGE, "topic": "other"}), [])

    def test_filters_are_for_messages_only(self):
        yaml, _ = self.convert(FIRST)
        record = self.records(yaml, {"hook": "client.connected", "clientid": "c"})[0]
        self.assertEqual((record["topic"], record["key"], record["value"]), ("conn", None, "c"))
        for subscription in ("a/#", "$SYS/#", "$share/g/a", "$queue/a"):
            event = {"hook": "session.subscribed", "clientid": "c", "topic": subscription}
            record = self.records(yaml, event)[0]
            self.assertEqual(record["key"], subscription)
            self.assertEqual(json.loads(record["value"])["topic"], subscription)

    def test_rules_that_cannot_be_kept_are_told(self):
        good = "{hook = message.publish, topic = t}, "
        for rule, word in (("{hook = nonsense, topic = t}", "no such hook"),
                           ("{hook = custom.mine, topic = t}", "no such hook"),
                           ("{topic = t}", "names no hook"),
                           ("{hook = message.publish}", "no Kafka topic"),
                           ('{hook = message.publish, topic = t, filter = "$SYS/#"}', "$SYS/"),
                           ('{hook = message.publish, topic = t, filter = "a/#/b"}', "illegal"),
                           ('{hook = message.publish, topic = t, key = "${foo}"}',
                            'unknown field "foo"'),
                           ("text", "not an object")):
            with self.subTest(rule):
                yaml, err = self.convert(self.hook(good + rule), code=1)
                self.assertIn("kafka.hook[1]", err)
                self.assertIn("left out", err)
                self.assertIn(word, err)
                self.assertEqual(len(self.records(yaml, MESSAGE)), 1)
                _, err = self.convert(self.hook(rule), code=1)
                self.assertIn("no rule", err)

    def test_old_hook_names(self):
        yaml, _ = self.convert(self.hook("{hook = session.takeovered, topic = t}, "
                                         "{hook = client.check_acl, topic = t}"))
        self.assertEqual(len(self.records(yaml, {"hook": "session.takenover"})), 1)
        self.assertEqual(len(self.records(yaml, {"hook": "client.authorize", "topic": "a"})), 1)

    def test_secrets_are_in_the_result_only(self):
        yaml, err = self.convert(SECOND.replace("username =", "nosuch = hidden, username ="))
        self.assertIn('password: "secret #1"', yaml)
        self.assertNotIn("cret #1", err)
        self.assertNotIn("hidden", err)

    def test_bad_values(self):
        yaml, err = self.convert(
            "kafka { client { request_timeout = soon, min_metadata_refresh_interval = 2m }, "
            "producer { compression = brotli, produce_sync_timeout = -1 }, "
            "hook = [{hook = message.publish, topic = t}] }")
        self.assertIn("kafka.client.request_timeout: not a duration", err)
        self.assertIn("kafka.client.min_metadata_refresh_interval: out of the range", err)
        self.assertIn("min_metadata_refresh_interval: 60s", yaml)
        self.assertIn("kafka.producer.compression: this word has no counterpart", err)
        self.assertIn("compression: none", yaml)
        self.assertIn("produce_sync_timeout: 3000ms", yaml)


class SecondGeneration(ConvertTest):
    def test_settings(self):
        yaml, err = self.convert(SECOND)
        for line in ('- "10.3.64.223:9192"', "connect_timeout: 90s", "mechanism: plain",
                     'username: "user"', 'password: "secret #1"', "enable: true", "verify: true",
                     'server_name_indication: disable', "request_timeout: 3s",
                     "min_metadata_refresh_interval: 5s", "health_check_interval: 32s",
                     "max_batch_bytes: 896KB", "compression: none", "encode_payload_type: plain"):
            self.assertIn(line + "\n", yaml)
        self.assertRegex(yaml, "partitioner: (first_key_dispatch|phash2)\n")
        self.assertEqual(err, "")

    def test_records(self):
        yaml, _ = self.convert(SECOND)
        record = self.records(yaml, MESSAGE)[0]
        self.assertEqual((record["topic"], record["key"], record["timestamp"]),
                         ("emqx_msg_publish", "c1", 1700000000123))
        self.assertEqual(json.loads(record["value"]), {
            "event": "message.publish", "timestamp": 1700000000123, "node": "n1", "clientid": "c1",
            "payload": "p\"", "topic": "test/a", "qos": 1})
        event = {"hook": "client.disconnected", "clientid": "c", "reason": "bye", "timestamp": 7}
        record = self.records(yaml, event)[0]
        self.assertEqual((record["topic"], record["key"], record["value"], record["timestamp"]),
                         ("gone", "c", "bye", 7))
        record = self.records(yaml, {"hook": "client.connect", "keepalive": 5})[0]
        self.assertEqual((record["topic"], record["key"]), ("emqx_test", None))

    def test_the_certificate_is_checked_and_that_is_told(self):
        _, err = self.convert(SECOND.replace("verify = verify_peer, ", ""))
        self.assertIn("server's certificate", err)

    def test_hosts_as_one_text_and_hooks_as_numbered_objects(self):
        yaml, _ = self.convert('connection.bootstrap_hosts = "a:1, b:2"\n'
                               "hooks.1 { endpoint = message.publish, kafka_topic = x }\n"
                               "hooks.2.endpoint = message.acked\n")
        self.assertIn('- "a:1"\n      - "b:2"\n', yaml)
        self.assertEqual(self.records(yaml, MESSAGE)[0]["topic"], "x")


class Hocon(ConvertTest):
    def value(self, text):
        """What a text in HOCON is, seen in a rule's key."""
        yaml, _ = self.convert(self.hook("{hook = message.publish, topic = t, key = %s}" % text))
        return self.records(yaml, MESSAGE)[0]["key"]

    def test_texts(self):
        for text, value in (('"a b"', "a b"), ("a b", "a b"), ("a b  // c\n", "a b"),
                            ("a # c\n", "a"), ('"""a"b\\n"""', 'a"b\\n'), ('""""a""""', '"a"'),
                            (r'"\u00e9\n\"\\"', 'é\n"\\'), ('"a" b "c"', "a b c"), ('"#"', "#"),
                            ("localhost:9092", "localhost:9092"), ("5s", "5s"), ('"ü\u2028\x7f"',
                                                                               "ü\u2028\x7f"),
                            ('"%{x: [1]} & *a | >"', "%{x: [1]} & *a | >"), ('""', "")):
            with self.subTest(text):
                self.assertEqual(self.value(text), value)

    def test_objects_merge_and_the_last_text_counts(self):
        yaml, _ = self.convert("kafka.client.servers = [a]\nkafka { client { client_id = x } }\n"
                               "kafka.client { client_id: y },\n"
                               "kafka.hook = [ {hook: message.publish\n topic: t} , ]\n")
        self.assertIn('client_id: "y"\n', yaml)
        self.assertIn('- "a"\n', yaml)

    def test_refused_with_line(self):
        for text, line, word in (
                ('a = 1\ninclude "x.conf"\n', 2, "include"), ("a = 1\n\nb = ${a}\n", 3, "${…}"),
                ("a += 1", 1, "+="), ("a = [1] [2]", 1, "comma or a line end"),
                ("a = {b = 1", 1, "not closed"), ("a = [1", 1, "not closed"), ("a = 1}", 1, "too many"),
                ("{a = 1} b", 1, "behind the last"), ("a = [1}", 1, "not closed with ]"),
                ('a = "x', 1, "closing quote"), ('a = "\\q"', 1, "as in JSON"),
                ('a = """x\n\n', 3, '"""'), ('a = 1\nb = "x\\u0000y"', 2, "NUL"), ("a", 1, "= or :"),
                ("a =", 1, "value is missing"),
                ("= 1", 1, "key is missing"), ("a = b = c", 1, "quotes"), ("a = [,]", 1, "missing"),
                ("a = x {b = 1}", 1, "put together"), ("a..b = 1", 1, "key is missing"),
                ("a = " + "[" * 100, 1, "deeper"), ("a = " + "{a=" * 100, 1, "deeper"),
                (".".join("a" * 100) + " = 1", 1, "deeper"),
                ("a {" + "".join("k%d=1\n" % i for i in range(2000)) + "}", 1001, "1000 keys")):
            with self.subTest(text[:40]):
                out, err = self.convert(text, code=1, args=("--format", "hocon"))
                self.assertEqual(out, "")
                self.assertIn("line %d: " % line, err)
                self.assertIn(word, err)

    def test_hostile_files(self):
        for content in (b"\xff\xfe", b"a = \x00", b"\xef\xbb\xbf", b"", b"#" * (5 << 20),
                        bytes(range(256)), b"kafka { hook = []", b"kafka { hook = [] }",
                        b"kafka { hook { } }", b"[" * 100000, b"{" * 100000, b"[{" * 50000):
            with self.subTest(content[:20]):
                out, err = self.convert(content, code=1)
                self.assertEqual(out, "")
                self.assertNotEqual(err, "")
        self.run_mqk("convert", "nowhere", code=1)
        self.run_mqk("convert", self.dir.name, code=1)

    def test_no_text_leaves_its_place(self):
        nasty = '"\\n  evil: 1 # \'\\" \\u0000\\u0085{}[]"'
        for place in ("client_id = %s", "sasl { username = %s, password = x }"):
            with self.subTest(place):
                yaml, _ = self.run_mqk("convert", self.file(
                    "x", "kafka { client { %s }, hook = [{hook = message.publish, topic = t}] }"
                    % (place % nasty.replace("\\u0000", ""))))
                self.assertNotIn("\n  evil", yaml)


class FixedRules(ConvertTest):
    """Files of the plugins before EMQX 5, whose rules are fixed."""

    def test_emqttd_conf(self):
        yaml, err = self.convert("## kafka Bridge\nkafka.host = 10.0.0.1\nkafka.port = 9094\n"
                                 "kafka.partitionstrategy = strict_round_robin\n"
                                 "kafka.partitionworkers = 8\n", "emqttd_plugin_kafka_bridge.conf")
        self.assertIn('- "10.0.0.1:9094"\n', yaml)
        self.assertIn("partitioner: roundrobin\n", yaml)
        self.assertIn("produce: async\n", yaml)
        self.assertIn("line 5: kafka.partitionworkers: no counterpart", err)
        record = self.records(yaml, {**MESSAGE, "topic": "a/b"})[0]
        self.assertEqual((record["topic"], record["key"]), ("broker_message", None))
        self.assertEqual(record["value"],
                         '{"type":"published","client_id":"c1","topic":"a/b","payload":"p\\"",'
                         '"qos":1,"cluster_node":"n1","ts":1700000000}')

    def test_emqttd_erlang(self):
        yaml, _ = self.convert(textwrap.dedent("""\
            [
              {emqttd_plugin_kafka_bridge, [  % comment
                {kafka, [
                  {bootstrap_broker, {"127.0.0.1", 9092} },
                  {partition_strategy, random}
                ]}
              ]}
            ].
            """), "plugin.config")
        self.assertIn('- "127.0.0.1:9092"\n', yaml)
        self.assertIn("partitioner: random\n", yaml)
        event = {"hook": "session.subscribed", "clientid": "c", "topic": "$SYS/#",
                 "timestamp": 1999, "node": "n"}
        self.assertEqual(self.records(yaml, event)[0]["value"],
                         '{"type":"subscribed","client_id":"c","topic":"$SYS/#",'
                         '"cluster_node":"n","ts":1}')

    def test_emq2_conf(self):
        yaml, err = self.convert("wunaozai.auth.redis.server = 127.0.0.1:6379\n"
                                 "##wunaozai.auth.redis.password =\n"
                                 "wunaozai.auth.redis.auth_cmd = HMGET mqtt_user:%u password\n"
                                 "wunaozai.msg.kafka.server = 10.0.0.2\n",
                                 "emq_plugin_wunaozai.conf")
        self.assertIn('- "10.0.0.2"\n', yaml)
        self.assertIn("produce: sync\n", yaml)
        self.assertIn("wunaozai.auth.redis.auth_cmd: no counterpart", err)
        record = self.records(yaml, {**MESSAGE, "topic": "a"})[0]
        self.assertEqual((record["topic"], record["key"]), ("test", None))
        self.assertEqual(record["value"],
                         '{"type":"public","client_id":"c1","message":{"username":"c1",'
                         '"topic":"a","payload":"p\\"","qos":1,"dup":0,"retain":0},'
                         '"cluster_node":"n1","ts":1700000000123}')

    def test_emqx4_erlang(self):
        yaml, err = self.convert(textwrap.dedent("""\
            [{emqx_plugin_kafka, [
                {kafka_address_list, [{"localhost", 9092}, {"b", 9093}]},
                {kafka_config, [{reconnect_cool_down_seconds, 10}, {query_api_versions, true}]},
                {publish_base64, true},
                {topic, "from-erlang"}
            ]}].
            """), "emqx_plugin_kafka.config")
        self.assertIn('- "localhost:9092"\n      - "b:9093"\n', yaml)
        self.assertIn("partitioner: phash2\n", yaml)
        self.assertIn("reconnect_cool_down_seconds: no counterpart", err)
        record = self.records(yaml, {**MESSAGE, "topic": "a", "username": "u"})[0]
        self.assertEqual((record["topic"], record["key"]), ("from-erlang", "c1"))
        self.assertEqual(record["value"],
                         '{"action":"message_publish","device_id":"c1","username":"u","topic":"a",'
                         '"payload":"cCI=","ts":1700000000123}')

    def test_plugin_can_be_named(self):
        conf = "kafka.host = h\nkafka.topic = t\n"
        for plugin, envelope in (("emqttd", "emqttd"), ("emq2", "emq2"), ("emqx4", "emqx4")):
            yaml, _ = self.convert(conf, "x", args=("--plugin", plugin))
            self.assertIn("envelope: " + envelope, yaml)
        self.assertIn("plugin names", self.convert("a.b = c\n", "x", code=1)[1])

    def test_wrong_files(self):
        for text, args, word in (("a = 1\nnonsense\n", ("--format", "conf"), "line 2"),
                                 ("a..b = 1\n", ("--format", "conf"), "line 1"),
                                 ("[{a, b}", ("--format", "erlang"), "line 1"),
                                 ("[{a, b}]. x", ("--format", "erlang"), "behind the last"),
                                 ('[{a, "x}].', ("--format", "erlang"), "closing quote"),
                                 ('[\n{a, "x\0y"}].', ("--format", "erlang"), "line 2: a text contains"),
                                 ('[{a, "x\\0y"}].', ("--format", "erlang"), "NUL"),
                                 ("[{a b}].", ("--format", "erlang"), "comma"),
                                 ("[{a, b]}.", ("--format", "erlang"), "not closed"),
                                 ("[" * 100, ("--format", "erlang"), "deep"),
                                 ("x", ("--format", "erlang"), "begin with [")):
            with self.subTest(text[:20]):
                _, err = self.convert(text, "x", code=1, args=args)
                self.assertIn(word, err)


if __name__ == "__main__":
    test_mqk.main()
