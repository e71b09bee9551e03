# SPDX-License-Identifier: Apache-2.0
"""The program mqk, as its users see it: python3 test_mqk.py PATH-TO-MQK [unittest options]"""
import base64
import json
import os
import subprocess
import sys
import tempfile
import textwrap
import unittest

MQK = ""

RULES = """
kafka:
  client: { servers: ["kafka-1:9092"] }
  hook:
    - name: telemetry
      hook: message.publish
      filter: "factory/+/line/#"
      topic: "telemetry.${filter.1}"
      key: "${clientid}"
      value: '{"device":"${clientid}","t":${payload.temp},"ts":${timestamp}}'
      headers:
        - { name: trace, value: "${user.trace}" }
        - { name: qos, value: "${qos}" }
        - { name: trace, value: fixed }
    - name: raw
      hook: message.publish
      filter: "bin/#"
      topic: bin
      key: "${username}"
      envelope: raw
    - name: presence
      hook: "client.connected, client.disconnected"
      topic: presence
"""


class MqkTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)

    def file(self, name, content):
        path = os.path.join(self.dir.name, name)
        mode = "wb" if isinstance(content, bytes) else "w"
        with open(path, mode, **({} if mode == "wb" else {"encoding": "utf-8"})) as f:
            f.write(content)
        return path

    def run_mqk(self, *args, code=0, stdin=b"", binary=False):
        done = subprocess.run([MQK, *args], input=stdin, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, cwd=self.dir.name, timeout=120)
        out = done.stdout if binary else done.stdout.decode("utf-8")
        err = done.stderr.decode("utf-8")
        self.assertEqual(done.returncode, code, (args, out, err))
        return out, err

    def explain(self, rules, event):
        """The JSON of `mqk explain --json`."""
        path = rules if os.path.exists(rules) else self.file("rules.yaml", rules)
        out, _ = self.run_mqk("explain", path, "--event", json.dumps(event), "--json")
        return json.loads(out)


class Overall(MqkTest):
    def test_version(self):
        out, err = self.run_mqk("--version")
        self.assertRegex(out, r"^mqk \d+\.\d+\.\d+ \(libmqkafka \d+\.\d+\.\d+\)\n$")
        self.assertEqual(err, "")

    def test_help_names_every_command(self):
        out, _ = self.run_mqk("--help")
        for command in ("check", "explain", "match", "envelopes", "reference", "convert", "spool"):
            self.assertIn(command, out)
            usage, _ = self.run_mqk(command, "--help")
            self.assertTrue(usage.startswith("Usage: mqk " + command), usage)
            self.assertIn("Exit status", usage)
            self.assertEqual(self.run_mqk("help", command)[0], usage)

    def test_wrong_usage_is_2(self):
        for args in ((), ("hcek",), ("check",), ("check", "--nonsense", "f"), ("explain", "f"),
                     ("explain",), ("explain", "--hook", "message.publish"), ("convert",),
                     ("convert", "a", "b"), ("convert", "--format", "xml", "f"),
                     ("convert", "--plugin", "emq9", "f"), ("match", "a"), ("help", "nothing"),
                     ("explain", "f", "--event", "{}", "--event-file", "f")):
            with self.subTest(args):
                out, err = self.run_mqk(*args, code=2)
                self.assertEqual(out, "")
                self.assertIn("--help'", err)

    def test_a_misspelt_command_gets_a_hint(self):
        self.assertIn('did you mean "check"?', self.run_mqk("chekc", code=2)[1])

    def test_a_full_disk_is_told(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("no /dev/full")
        with open("/dev/full", "wb") as full:
            done = subprocess.run([MQK, "--help"], stdout=full, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"cannot write", done.stderr)


class Check(MqkTest):
    def test_good(self):
        out, err = self.run_mqk("check", self.file("r.yaml", RULES))
        self.assertEqual((out, err), ("ok: 3 rules\n", ""))

    def test_all_errors_with_places_and_hints(self):
        path = self.file("r.yaml", textwrap.dedent("""\
            kafka:
              client: { servres: ["a"] }
              hook:
                - hook: message.publsh
                  topic: x
                - hook: message.publish
                  topic: x
                  key: "${clintid}"
                - hook: message.publish
                  filter: "a/#/b"
                  topic: x
            """))
        _, err = self.run_mqk("check", path, code=1)
        self.assertIn(path + ":2:13: kafka.client: unknown key", err)
        self.assertIn('did you mean "servers"?', err)

    def test_warnings_do_not_fail(self):
        path = self.file("r.yaml", RULES.replace(
            'servers: ["kafka-1:9092"]',
            'servers: ["k"], sasl: {mechanism: plain, username: u, password: p}'))
        out, err = self.run_mqk("check", path)
        self.assertEqual(out, "ok: 3 rules, 1 warning\n")
        self.assertTrue(err.startswith("warning: "), err)

    def test_json(self):
        out, err = self.run_mqk("check", "--json", self.file("r.yaml", "kafka: {client: {x: 1}}"),
                                code=1)
        report = json.loads(out)
        self.assertFalse(report["ok"])
        self.assertEqual(report["problems"][0]["severity"], "error")
        self.assertEqual(report["problems"][0]["code"], "MQK_ERR_CONFIG")
        self.assertEqual((report["problems"][0]["line"], report["problems"][0]["column"]), (1, 18))
        self.assertEqual(err, "")
        out, _ = self.run_mqk("check", "--json", self.file("g.yaml", RULES))
        self.assertEqual(json.loads(out), {"ok": True, "rules": 3, "consumer_rules": 0,
                                           "problems": []})

    def test_files_are_merged_in_order(self):
        first = self.file("a.yaml", "kafka: {client: {servers: [a]}}\n")
        second = self.file("b.yaml", "kafka: {hook: [{hook: message.publish, topic: t}]}\n")
        self.run_mqk("check", second, code=1)
        self.assertEqual(self.run_mqk("check", first, second)[0], "ok: 1 rule\n")

    def test_standard_input(self):
        out, _ = self.run_mqk("check", "-", stdin=RULES.encode())
        self.assertEqual(out, "ok: 3 rules\n")
        _, err = self.run_mqk("check", "-", "-", code=1, stdin=RULES.encode())
        self.assertIn("once only", err)

    def test_unreadable_files(self):
        _, err = self.run_mqk("check", "nowhere.yaml", code=1)
        self.assertIn("nowhere.yaml", err)
        self.assertIn("No such file", err)
        self.run_mqk("check", self.dir.name, code=1)
        self.run_mqk("check", self.file("empty.yaml", ""), code=1)
        self.run_mqk("check", self.file("binary.yaml", bytes(range(256)) * 10), code=1)
        self.run_mqk("check", "-", code=1, stdin=b"#" * (17 << 20))


class Match(MqkTest):
    def test_sentence_and_exit_code(self):
        for filter_, topic, code in (
                ("a/b", "a/b", 0), ("a/+", "a/b", 0), ("#", "a/b", 0), ("a/#", "a", 0),
                ("+/b", "/b", 0), ("$SYS/#", "$SYS/x", 0), ("ü/+", "ü/ß", 0),
                ("a/b", "a/c", 1), ("#", "$SYS/x", 1), ("+", "a/b", 1), ("a/+", "a", 1)):
            with self.subTest((filter_, topic)):
                out, err = self.run_mqk("match", filter_, topic, code=code)
                verb = "matches" if code == 0 else "does not match"
                self.assertEqual(out, f'filter "{filter_}" {verb} topic "{topic}"\n')
                self.assertEqual(err, "")

    def test_illegal(self):
        for filter_, topic, word in (("a/#/b", "a", "filter"), ("a+", "a", "filter"),
                                     ("", "a", "filter"), ("a", "", "topic"), ("#", "a/+", "topic"),
                                     ("#", "a#", "topic")):
            with self.subTest((filter_, topic)):
                out, err = self.run_mqk("match", filter_, topic, code=2)
                self.assertEqual(out, "")
                self.assertIn(word, err)
        done = subprocess.run([MQK, b"match", b"a/\xff", b"a"], stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 2)
        self.run_mqk("match", "a" * 65536, "a", code=2)
        self.run_mqk("match", "--", "-a/+", "-a/b")


class Explain(MqkTest):
    EVENT = {"hook": "message.publish", "clientid": "c1", "topic": "factory/a/line/3",
             "payload": '{"temp":31.50}', "qos": 1, "timestamp": 1700000000123,
             "user_properties": {"trace": "00-ab"}}

    def test_json_exactly(self):
        path = self.file("r.yaml", RULES)
        out, err = self.run_mqk("explain", path, "--event", json.dumps(self.EVENT), "--json")
        self.assertEqual(err, "")
        self.assertEqual(json.loads(out), {
            "rules": [
                {"name": "telemetry", "matched": True,
                 "reason": 'matched by filter "factory/+/line/#"'},
                {"name": "raw", "matched": False,
                 "reason": 'topic "factory/a/line/3" does not match filter "bin/#"'},
                {"name": "presence", "matched": False,
                 "reason": "hook is message.publish, the rule wants client.connected, "
                           "client.disconnected"}],
            "records": [
                {"rule": "telemetry", "cluster": "default", "topic": "telemetry.a",
                 "partition": -1, "key": "c1",
                 "value": '{"device":"c1","t":31.50,"ts":1700000000123}',
                 "headers": [{"name": "trace", "value": "00-ab"}, {"name": "qos", "value": "1"},
                             {"name": "trace", "value": "fixed"}],
                 "timestamp": 1700000000123}]})

    def test_options_say_the_same_as_json(self):
        path = self.file("r.yaml", RULES)
        by_json, _ = self.run_mqk("explain", path, "--event", json.dumps(self.EVENT), "--json")
        by_options, _ = self.run_mqk(
            "explain", "--json", "--hook", "message.publish", "--clientid", "c1", "--topic",
            "factory/a/line/3", "--payload", '{"temp":31.50}', "--qos", "1", "--field",
            "ts=1700000000123", "--user-property", "trace=00-ab", path)
        self.assertEqual(by_json, by_options)
        from_file, _ = self.run_mqk("explain", path, "--event-file", "-", "--json",
                                    stdin=json.dumps(self.EVENT).encode())
        self.assertEqual(by_json, from_file)

    def test_options_go_before_the_event(self):
        path = self.file("r.yaml", RULES)
        out, _ = self.run_mqk("explain", path, "--clientid", "other", "--json", "--event",
                              json.dumps(self.EVENT))
        self.assertEqual(json.loads(out)["records"][0]["key"], "other")

    def test_what_the_event_template_renders_can_be_given_back(self):
        rules = ("kafka: {client: {servers: [a]}, hook: [{hook: 'message.*', topic: t, "
                 "value: '${.}'}]}")
        event = {"hook": "message.acked", "clientid": "c", "from_clientid": "s", "topic": "t",
                 "payload": "p\"\n", "qos": 2, "retain": True, "dup": False, "timestamp": 5,
                 "node": "n", "user_properties": [{"key": "k", "value": "1"},
                                                  {"key": "k", "value": "2"}],
                 "pub_props": {"Content-Type": "x", "Message-Expiry-Interval": 7},
                 "puback_props": {"Reason-String": "r"}, "attrs": {"a": "b"}}
        first = self.explain(rules, event)["records"][0]["value"]
        self.assertEqual(json.loads(first)["pub_props"]["User-Property-Pairs"],
                         [{"key": "k", "value": "1"}, {"key": "k", "value": "2"}])
        self.assertEqual(self.explain(rules, json.loads(first))["records"][0]["value"], first)

    def test_bytes(self):
        payload = bytes(range(256)) * 3
        event = {"hook": "message.publish", "topic": "bin/x",
                 "payload": {"base64": base64.b64encode(payload).decode()}}
        record = self.explain(RULES, event)["records"][0]
        self.assertEqual(record["value"], {"base64": base64.b64encode(payload).decode()})
        self.assertIsNone(record["key"])
        path = self.file("payload", payload)
        out, _ = self.run_mqk("explain", self.file("r.yaml", RULES), "--hook", "message.publish",
                              "--topic", "bin/x", "--payload-file", path)
        self.assertIn("768 bytes, not text:", out)
        self.assertIn("00000010  10 11 12", out)
        self.assertIn("key        (null)", out)

    def test_text_for_people(self):
        out, _ = self.run_mqk("explain", self.file("r.yaml", RULES), "--event",
                              json.dumps(self.EVENT))
        self.assertEqual(out, textwrap.dedent("""\
            Rules: 1 of 3 matches
              yes  telemetry  matched by filter "factory/+/line/#"
              no   raw        topic "factory/a/line/3" does not match filter "bin/#"
              no   presence   hook is message.publish, the rule wants client.connected, client.disconnected

            Record 1, of rule telemetry
              cluster    default
              topic      telemetry.a
              partition  chosen by murmur2
              key        c1
              value      {"device":"c1","t":31.50,"ts":1700000000123}
              headers    trace = 00-ab
                         qos = 1
                         trace = fixed
              timestamp  1700000000123  (2023-11-14T22:13:20.123Z)
            """))

    def test_no_control_character_reaches_the_terminal(self):
        out, _ = self.run_mqk("explain", self.file("r.yaml", RULES), "--hook", "message.publish",
                              "--topic", "bin/\x1b[31m", "--payload", "\x1b[2J\u009b1m")
        self.assertNotIn("\x1b", out)
        self.assertNotIn("\u009b", out)

    def test_no_rule_matches(self):
        path = self.file("r.yaml", RULES)
        out, _ = self.run_mqk("explain", path, "--hook", "session.created")
        self.assertIn("Rules: 0 of 3 match\n", out)
        self.assertIn("No record.", out)
        out, _ = self.run_mqk("explain", path, "--hook", "session.created", "--json")
        self.assertEqual(json.loads(out)["records"], [])

    def test_empty_is_not_null(self):
        event = {"hook": "message.publish", "topic": "bin/x", "payload": "", "username": ""}
        record = self.explain(RULES, event)["records"][0]
        self.assertEqual((record["key"], record["value"]), ("", ""))
        event = {"hook": "message.publish", "topic": "bin/x", "payload": None}
        self.assertIsNone(self.explain(RULES, event)["records"][0]["value"])

    def test_a_record_that_cannot_be_sent(self):
        rules = ("kafka: {client: {servers: [a]}, hook: [{hook: message.publish, "
                 "topic: '${clientid}'}]}")
        path = self.file("r.yaml", rules)
        out, err = self.run_mqk("explain", path, "--hook", "message.publish", "--topic", "t",
                                "--clientid", "not legal!")
        self.assertIn("NOT SENT", out)
        out, err = self.run_mqk("explain", path, "--hook", "message.publish", "--topic", "t",
                                "--clientid", "not legal!", "--json")
        self.assertEqual(json.loads(out)["records"][0]["topic"], "not legal!")
        self.assertIn("cannot be sent", err)

    def test_wrong_events(self):
        path = self.file("r.yaml", RULES)
        for event, word in (
                ("", "not JSON"), ("{", "at byte 2"), ("[]", "not a JSON object"), ("{}", "no hook"),
                ('{"hook":"message.publsh"}', 'did you mean "message.publish"?'),
                ('{"hook":7}', "expected a string"),
                ('{"hook":"message.publish","tpoic":"x"}', 'did you mean "topic"?'),
                ('{"hook":"message.publish","user_propertys":{}}',
                 'did you mean "user_properties"?'),
                ('{"hook":"message.publish","qos":"1"}', "expected a whole number"),
                ('{"hook":"message.publish","qos":1.5}', "not a whole number"),
                ('{"hook":"message.publish","qos":99999999999999999999}', "not a whole number"),
                ('{"hook":"message.publish","topic":5}', "expected a string"),
                ('{"hook":"message.publish","payload":{"a":1}}', "expected a string"),
                ('{"hook":"message.publish","payload":{"base64":"A"}}', "not base64"),
                ('{"hook":"message.publish","payload":{"base64":"AB=C"}}', "not base64"),
                ('{"hook":"message.publish","retain":"yes"}', "expected true or false"),
                ('{"hook":"message.publish","flags":{"x":true}}', "unknown flag"),
                ('{"hook":"message.publish","user_properties":7}', "expected an object"),
                ('{"hook":"message.publish","user_properties":[{"key":"a"}]}', '"value"'),
                ('{"hook":"message.publish","props":[]}', "expected an object"),
                ("[" * 100000, "not JSON")):
            with self.subTest(event[:60]):
                out, err = self.run_mqk("explain", path, "--event", event, code=1)
                self.assertEqual(out, "")
                self.assertIn(word, err)
        for args, word in ((("--qos", "x"), "not a whole number"),
                           (("--field", "tpoic=1"), 'did you mean "topic"?'),
                           (("--field", "topic"), "NAME=VALUE"),
                           (("--user-property", "x"), "NAME=VALUE"),
                           (("--field", "retain=maybe"), "true or false"),
                           (("--payload-file", "nowhere"), "No such file"),
                           (("--event-file", "nowhere"), "No such file")):
            with self.subTest(args):
                _, err = self.run_mqk("explain", path, "--hook", "message.publish", *args, code=1)
                self.assertIn(word, err)

    def test_a_wrong_configuration(self):
        _, err = self.run_mqk("explain", self.file("r.yaml", "kafka: 1"), "--hook",
                              "message.publish", code=1)
        self.assertIn("error: ", err)

    def test_large(self):
        event = {"hook": "message.publish", "topic": "bin/x", "payload": "x\n\u00fc" * 2000000}
        path = self.file("event.json", json.dumps(event))
        out, _ = self.run_mqk("explain", self.file("r.yaml", RULES), "--event-file", path, "--json")
        self.assertEqual(json.loads(out)["records"][0]["value"], event["payload"])
        many = {"hook": "message.publish", "topic": "bin/x",
                "user_properties": [{"key": "k%d" % i, "value": "v"} for i in range(50000)]}
        path = self.file("many.json", json.dumps(many))
        self.run_mqk("explain", self.file("r.yaml", RULES), "--event-file", path, "--json")

    def test_fields_by_option(self):
        rules = ("kafka: {client: {servers: [a]}, hook: [{hook: message.publish, topic: t, "
                 "value: '${user.a}|${attr.b}|${props.Content-Type}|${flags.retain}|${node}|"
                 "${props.N}'}]}")
        out, _ = self.run_mqk("explain", self.file("r.yaml", rules), "--hook", "message.publish",
                              "--topic", "x", "--user-property", "a=1=2", "--field", "attr.b=c",
                              "--field", "props.Content-Type=d", "--retain", "--field", "node=e",
                              "--field", "props.N=12", "--json")
        self.assertEqual(json.loads(out)["records"][0]["value"], "1=2|c|d|true|e|12")


class Envelopes(MqkTest):
    def test_json(self):
        envelopes = json.loads(self.run_mqk("envelopes", "--json")[0])
        by_name = {e["name"]: e for e in envelopes}
        for name in ("emqttd", "emq2", "emqx4", "event", "raw", "cloudevents"):
            self.assertIn(name, by_name)
        self.assertEqual(by_name["raw"]["templates"]["message.publish"], "${payload}")
        self.assertEqual(by_name["event"]["templates"]["client.connect"], "${.}")
        self.assertNotIn("client.connect", by_name["emq2"]["templates"])

    def test_a_copied_template_makes_the_same_record(self):
        events = {
            "client.connected": {"clientid": "c", "username": "u", "peerhost": "1.2.3.4",
                                 "proto_ver": 4, "keepalive": 60},
            "message.publish": {"clientid": "c", "topic": "a/b", "payload": "\"x\n", "qos": 1}}
        for envelope in json.loads(self.run_mqk("envelopes", "--json")[0]):
            for hook, fields in events.items():
                template = envelope["templates"].get(hook)
                if template is None or "uuid" in template:
                    continue
                with self.subTest((envelope["name"], hook)):
                    head = {"client": {"servers": ["a"]}}
                    rule = {"hook": hook, "topic": "t"}
                    event = {"hook": hook, "timestamp": 1700000000000, "node": "n", **fields}
                    one = {"kafka": {**head, "hook": [{**rule, "envelope": envelope["name"]}]}}
                    two = {"kafka": {**head, "hook": [{**rule, "value": template}]}}
                    self.assertEqual(
                        self.explain(json.dumps(one), event)["records"][0]["value"],
                        self.explain(json.dumps(two), event)["records"][0]["value"])

    def test_text(self):
        out, _ = self.run_mqk("envelopes")
        self.assertIn("raw: ", out)
        self.assertIn("  every hook\n    ${.}\n", out)
        only, _ = self.run_mqk("envelopes", "raw")
        self.assertIn("${payload}", only)
        self.assertNotIn("event: ", only)
        self.run_mqk("envelopes", "nothing", code=1)


CONSUMERS = """
kafka:
  client: { servers: ["kafka-1:9092"] }
  consumer:
    - name: say
      topics: ["^in[.]"]
      group_id: g
      action: publish
      where: "headers.ok = 'yes' and partition = 3 and offset = 9007199254740993"
      mqtt_topic: "to/${key}"
      payload: "${value}"
      qos: 2
      retain: true
      properties: [{ name: Content-Type, value: text }, { name: Message-Expiry-Interval, value: "60" }]
      user_properties_from: headers
    - { name: out, topics: [in.x], group_id: g, scope: every_node, action: kick,
        clientid: ["${value.id}"], reason: 'by ${node} at ${ts | default("never")} ${ts_type}' }
    - { name: clean, topics: [acl], group_id: g, action: acl_clean, username: ["${value.user}"] }
    - { topics: [acl], group_id: g, action: callback, skip_own: node }
"""


class Record(MqkTest):
    """What consumer rules make of a record."""

    def record(self, record, *args):
        path = self.file("c.yaml", CONSUMERS)
        out, err = self.run_mqk("explain", path, "--record", json.dumps(record), "--json", *args)
        self.assertEqual(err, "")
        said = json.loads(out)
        return {r["name"]: r["matched"] for r in said["rules"]}, said["commands"]

    def test_publish_and_kick(self):
        record = {"topic": "in.x", "key": "k", "value": {"id": "c1"}, "partition": 3,
                  "offset": 9007199254740993, "headers": [{"key": "ok", "value": "yes"},
                                                          {"name": "n", "value": "1"}]}
        matched, commands = self.record(record, "--node", "n1")
        self.assertEqual(matched, {"say": True, "out": True, "clean": False, "consumer[3]": False})
        self.assertEqual(commands, [
            {"rule": "say", "cluster": "default", "action": "publish", "topic": "to/k",
             "payload": '{"id": "c1"}', "qos": 2, "retain": True,
             "properties": {"Content-Type": "text", "Message-Expiry-Interval": 60},
             "user_properties": [{"name": "ok", "value": "yes"}, {"name": "n", "value": "1"}]},
            {"rule": "out", "cluster": "default", "action": "kick", "clientid": "c1",
             "username": None, "reason": "by n1 at never create"}])
        out, _ = self.run_mqk("explain", self.file("c.yaml", CONSUMERS), "--record",
                              json.dumps(record), "--node", "n1")
        self.assertIn("Rules: 2 of 4 match\n", out)
        self.assertIn("  yes  say          where: headers.ok = 'yes' is true", out)
        self.assertIn("""
Command 1, of rule say
  action     publish
  topic      to/k
  payload    {"id": "c1"}
  qos        2
  retain     true
  properties Content-Type = text
             Message-Expiry-Interval = 60
  user       ok = yes
             n = 1

Command 2, of rule out
  action     kick
  clientid   c1
  reason     by n1 at never create
""", out)

    def test_clean_and_callback(self):
        path = self.file("c.yaml", CONSUMERS)
        record = {"topic": "acl", "key": {"base64": "/w=="}, "value": '{"user":"u"}',
                  "ts": 1700000000123, "ts_type": "append", "cluster": "default"}
        matched, commands = self.record(record)
        self.assertEqual([name for name in matched if matched[name]], ["clean", "consumer[3]"])
        self.assertEqual(commands, [
            {"rule": "clean", "cluster": "default", "action": "acl_clean", "clientid": None,
             "username": "u"},
            {"rule": "consumer[3]", "cluster": "default", "action": "callback",
             "key": {"base64": "/w=="}, "value": '{"user":"u"}', "headers": []}])
        out, _ = self.run_mqk("explain", path, "--record-file", "-",
                              stdin=json.dumps(record).encode())
        self.assertIn("  action     acl_clean\n  username   u\n", out)
        self.assertIn("  action     callback\n  key        1 bytes, not text:", out)
        # Our own come back only to other nodes; a value of no use.
        record["headers"] = {"mqk-origin": "n1"}
        record["value"] = None
        out, _ = self.run_mqk("explain", path, "--record", json.dumps(record), "--node", "n1")
        self.assertIn("no   clean        username: a value is missing, or all is empty; it is counted",
                      out)
        self.assertIn("no   consumer[3]  skip_own: ", out)
        self.assertIn("\nNo command.\n", out)
        self.assertEqual(self.record(record, "--node", "n2")[0]["consumer[3]"], True)

    def test_wrong_records(self):
        path = self.file("c.yaml", CONSUMERS)
        for record, word in (
                ("", "not JSON"), ("[]", "not a JSON object"), ("{}", "no topic"),
                ('{"topik":"t"}', 'did you mean "topic"?'), ('{"topic":7}', "expected a string"),
                ('{"topic":"t","partition":-1}', "expected 0 to 2147483647"),
                ('{"topic":"t","partition":2147483648}', "expected 0 to 2147483647"),
                ('{"topic":"t","offset":"1"}', "expected a whole number"),
                ('{"topic":"t","offset":1e99}', "not a whole number"),
                ('{"topic":"t","ts_type":"now"}', "none, create or append"),
                ('{"topic":"t","headers":3}', "expected an object"),
                ('{"topic":"t","value":{"base64":"*"}}', "not base64")):
            with self.subTest(record):
                _, err = self.run_mqk("explain", path, "--record", record, code=1)
                self.assertIn(word, err)
        for args, word in ((("--record", "{}", "--event", "{}"), "not both"),
                           (("--record", "{}", "--topic", "x"), "not both"),
                           (("--record", "{}", "--record-file", "f"), "cannot stand together"),
                           (("--node", "n", "--event", "{}"), "--node goes with --record")):
            with self.subTest(args):
                _, err = self.run_mqk("explain", path, *args, code=2)
                self.assertIn(word, err)

    def test_without_consumer_rules(self):
        out, _ = self.run_mqk("explain", self.file("r.yaml", RULES), "--record", '{"topic":"t"}')
        self.assertEqual(out, "Rules: 0 of 0 match\n\nNo command.\n")

    def test_check_counts_them(self):
        path = self.file("c.yaml", CONSUMERS)
        self.assertEqual(self.run_mqk("check", path)[0], "ok: 4 consumer rules\n")
        hooks = self.file("h.yaml", "kafka: {hook: [{hook: message.publish, topic: t}]}\n")
        self.assertEqual(self.run_mqk("check", path, hooks)[0], "ok: 1 rule, 4 consumer rules\n")
        report = json.loads(self.run_mqk("check", "--json", path)[0])
        self.assertEqual((report["rules"], report["consumer_rules"]), (0, 4))


def main():
    global MQK
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    MQK = os.path.abspath(sys.argv.pop(1))
    unittest.main()


if __name__ == "__main__":
    main()
