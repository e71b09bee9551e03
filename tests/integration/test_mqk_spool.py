# SPDX-License-Identifier: Apache-2.0
"""`mqk spool`, on spools that the library made:
python3 test_mqk_spool.py PATH-TO-MQK PATH-TO-SPOOL_HOST [unittest options]"""
import base64
import json
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
import unittest

MQK = HOST = ""
COUNT = 300

CONFIG = """
kafka:
  clusters:
    - { name: eu, servers: ["127.0.0.1:1"] }
    - { name: us, servers: ["127.0.0.1:1"] }
  producer: { buffer: { mode: disk, dir: "%s", disk: %s } }
  hook:
    - name: telemetry
      hook: message.publish
      filter: "site/0"
      cluster: eu
      topic: telemetry
      key: "${clientid}"
      value: "${payload}"
      timestamp: "${timestamp}"
      headers:
        - { name: trace, value: "${topic}" }
        - { name: trace, value: "${clientid}" }
    - name: alarms
      hook: message.publish
      filter: "site/1"
      cluster: eu
      topic: alarms
      value: "${payload}"
    - name: other
      hook: message.publish
      filter: "site/2"
      cluster: us
      topic: other
      key: "${clientid}"
      value: "${payload}"
      partition: "2"
"""


def payload(n):
    return b"number %d" % n + (b" \xff" if n % 10 == 0 else b"")


def text(value):
    return base64.b64decode(value["base64"]) if isinstance(value, dict) else value.encode("utf-8")


class SpoolTest(unittest.TestCase):
    maxDiff = None
    disk = "16MB"

    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)
        self.spools = os.path.join(self.dir.name, "spools")
        self.config = os.path.join(self.dir.name, "rules.yaml")
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(CONFIG % (self.spools, self.disk))

    def start(self, count=COUNT):
        host = subprocess.Popen([HOST, self.config, str(count)], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE)
        self.addCleanup(self.stop, host)
        self.assertEqual(host.stdout.readline(), b"ready\n")
        return host

    def stop(self, host):
        host.stdin.close()
        if not host.stdout.closed:
            self.assertEqual(host.wait(60), 0)
            host.stdout.close()

    def kill(self, host):
        host.send_signal(signal.SIGKILL)
        host.wait()
        host.stdin.close()
        host.stdout.close()

    def make(self, count=COUNT):
        """Spools that nobody uses."""
        self.stop(self.start(count))

    def mqk(self, *args, code=0):
        done = subprocess.run([MQK, "spool", *args], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=120)
        out, err = done.stdout.decode("utf-8"), done.stderr.decode("utf-8")
        self.assertEqual(done.returncode, code, (args, out[-1000:], err))
        return out, err

    def info(self, *args, code=0):
        return json.loads(self.mqk("info", "--json", *args, self.spools, code=code)[0])["spools"]

    def export(self, *args, code=0):
        out, _ = self.mqk("export", *args, self.spools, code=code)
        return [json.loads(line) for line in out.splitlines()]

    def folder(self, cluster):
        return os.path.join(self.spools, cluster, "main")


class Info(SpoolTest):
    def check(self, spools):
        self.assertEqual([spool["dir"] for spool in spools],
                         [self.folder("eu"), self.folder("us")])
        eu, us = spools
        self.assertEqual((eu["records"], us["records"]), (200, 100))
        self.assertEqual(eu["topics"], [{"name": "alarms", "records": 100},
                                        {"name": "telemetry", "records": 100}])
        self.assertEqual(eu["rules"], eu["topics"])
        self.assertEqual(us["rules"], [{"name": "other", "records": 100}])
        for spool in spools:
            self.assertEqual(spool["damaged"], 0)
            self.assertLess(abs(time.time() * 1000 - spool["oldest"]), 300000)
            self.assertLessEqual(spool["oldest"], spool["newest"])
            self.assertGreater(spool["disk_bytes"], spool["bytes"])

    def test_while_it_runs(self):
        host = self.start()
        spools = self.info()
        self.check(spools)
        for spool in spools:
            self.assertEqual((spool["in_use"], spool["owner"]), (True, host.pid))
        out, err = self.mqk("info", self.spools)
        self.assertEqual(err, "")
        self.assertIn("state     in use by process %d (spool_host)\n" % host.pid, out)

    def test_afterwards(self):
        self.make()
        spools = self.info()
        self.check(spools)
        for spool in spools:
            self.assertEqual((spool["in_use"], spool["owner"]), (False, None))
        out, _ = self.mqk("info", self.folder("eu"))
        self.assertRegex(out, r"(?s)^%s\n  state     not in use\n  records   200\n  bytes     \d+ of "
                              r"keys, values and headers; \d+ on the disk\n  oldest    \d{4}-.*Z\n"
                              r"  newest    \d{4}-.*Z\n  topic     alarms: 100\n"
                              r"  topic     telemetry: 100\n" % re.escape(self.folder("eu")))

    def test_after_a_kill(self):
        host = self.start()
        self.kill(host)
        self.check(self.info())

    def test_filters(self):
        self.make()
        for args, counts in ((("--topic", "alarms"), [100, 0]), (("--rule", "other"), [0, 100]),
                             (("--older-than", "0s"), [200, 100]),
                             (("--older-than", "1h"), [0, 0])):
            with self.subTest(args):
                self.assertEqual([spool["records"] for spool in self.info(*args)], counts)
        empty = self.info("--topic", "none")[0]
        self.assertEqual((empty["oldest"], empty["newest"], empty["topics"]), (None, None, []))


class List(SpoolTest):
    def test_text(self):
        self.make()
        out, err = self.mqk("list", self.spools)
        self.assertEqual(err, "")
        lines = out.splitlines()
        self.assertEqual(lines[0], self.folder("eu"))
        self.assertEqual(lines[201:203], ["", self.folder("us")])
        self.assertRegex(lines[1], r"^ *\d+  \d{4}-\d\d-\d\dT[\d:.]+Z  telemetry  rule telemetry  "
                                   r"no key  \d+ bytes$")
        self.assertIn('  other  rule other  key "c2"  10 bytes', lines[203])
        self.assertEqual(len(lines), 1 + 200 + 1 + 1 + 100)

    def test_limit_and_filter(self):
        self.make()
        out, _ = self.mqk("list", "--limit", "3", "--topic", "alarms", self.folder("eu"))
        self.assertEqual(len(out.splitlines()), 1 + 3)
        out, _ = self.mqk("list", "--limit", "0", self.spools)
        self.assertEqual(out.count("bytes"), 0)

    def test_json(self):
        self.make()
        spools = json.loads(self.mqk("list", "--json", self.spools)[0])["spools"]
        self.assertEqual([len(spool["records"]) for spool in spools], [200, 100])
        first = spools[1]["records"][0]
        self.assertEqual((first["topic"], first["rule"], first["key"], first["size"]),
                         ("other", "other", "c2", 10))
        seqs = [record["seq"] for record in spools[0]["records"]]
        self.assertEqual(seqs, sorted(set(seqs)))


class Export(SpoolTest):
    def check(self, records):
        by_topic = {}
        for record in records:
            by_topic.setdefault(record["topic"], []).append(record)
        for topic, first in (("telemetry", 0), ("alarms", 1), ("other", 2)):
            self.assertEqual([text(record["value"]) for record in by_topic[topic]],
                             [payload(n) for n in range(first, COUNT, 3)])
        self.assertEqual({record["partition"] for record in by_topic["other"]}, {2})
        for index, record in enumerate(by_topic["telemetry"]):
            n = index * 3
            client = "c%d" % n if n % 4 else None
            self.assertEqual(record["key"], client)
            self.assertEqual(record["timestamp"], 1700000000000 + n)
            self.assertEqual([header["name"] for header in record["headers"]], ["trace", "trace"])
            self.assertEqual(record["headers"][0]["value"], "site/0")
            self.assertEqual(record["partition"], -1)
            self.assertEqual((record["rule"], record["dead_letter"]), ("telemetry", False))
            self.assertEqual(record["spool"], self.folder("eu"))

    def test_complete(self):
        host = self.start()
        self.check(self.export())
        self.stop(host)
        self.check(self.export())

    def test_bytes(self):
        self.make(1)
        (record,) = self.export()
        self.assertEqual(base64.b64decode(record["value"]["base64"]), b"number 0 \xff")

    def test_full_disk(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("no /dev/full")
        self.make()
        with open("/dev/full", "wb") as full:
            done = subprocess.run([MQK, "spool", "export", self.spools], stdout=full,
                                  stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"cannot write", done.stderr)

    def test_damaged_records_are_told_and_left_out(self):
        self.make()
        hurt = 0
        for name in ("journal", "data.mdb"):
            path = os.path.join(self.folder("us"), name)
            with open(path, "rb") as f:
                image = f.read()
            at = image.find(b"number 77")
            if at >= 0:
                with open(path, "r+b") as f:
                    f.seek(at)
                    f.write(b"NUMBER")
                hurt += 1
        self.assertGreaterEqual(hurt, 1)
        out, err = self.mqk("export", self.spools, code=1)
        self.assertEqual(len(out.splitlines()), COUNT - 1)
        self.assertNotIn("number 77", out)
        self.assertRegex(err, r"damaged")
        self.assertEqual([spool["damaged"] for spool in self.info(code=1)], [0, 1])


class Purge(SpoolTest):
    def test_dry_run(self):
        self.make()
        out, err = self.mqk("purge", "--topic", "alarms", self.spools)
        self.assertEqual(err, "")
        self.assertEqual(out, "%s: 100 records would be removed\n%s: 0 records would be removed\n"
                              "Nothing was removed. Say --yes to remove for good.\n" %
                         (self.folder("eu"), self.folder("us")))
        self.assertEqual(len(self.export()), COUNT)

    def test_filters(self):
        self.make()
        self.mqk("purge", "--yes", "--older-than", "1h", self.spools)
        self.assertEqual(len(self.export()), COUNT)
        out, _ = self.mqk("purge", "--yes", "--topic", "alarms", self.folder("eu"))
        self.assertEqual(out, self.folder("eu") + ": 100 records removed\n")
        self.assertEqual({record["topic"] for record in self.export()}, {"telemetry", "other"})
        spools = json.loads(self.mqk("purge", "--yes", "--json", self.spools)[0])["spools"]
        self.assertEqual(spools, [{"dir": self.folder("eu"), "records": 100, "removed": True},
                                  {"dir": self.folder("us"), "records": 100, "removed": True}])
        self.assertEqual(self.export(), [])

    def test_the_host_goes_on_with_the_rest(self):
        self.make()
        self.mqk("purge", "--yes", "--rule", "telemetry", self.spools)
        self.make(30)
        topics = [record["topic"] for record in self.export()]
        self.assertEqual((topics.count("telemetry"), topics.count("alarms")), (10, 110))

    def test_in_use(self):
        host = self.start()
        for args in (("--yes",), ()):
            out, err = self.mqk("purge", *args, self.spools, code=1)
            self.assertIn("in use by process %d" % host.pid, err)
            self.assertNotIn("records removed", out)
        self.stop(host)
        self.assertEqual(len(self.export()), COUNT)


class Wrong(SpoolTest):
    def test_usage(self):
        for args in ((), ("infos", "x"), ("info",), ("info", "a", "b"), ("info", "--yes", "x"),
                     ("export", "--json", "x"), ("info", "--limit", "3", "x"),
                     ("list", "--limit", "many", "x"), ("list", "--limit", "-1", "x"),
                     ("list", "--older-than", "old", "x"), ("purge", "--nonsense", "x")):
            with self.subTest(args):
                out, err = self.mqk(*args, code=2)
                self.assertEqual(out, "")
                self.assertIn("--help'", err)
        self.assertIn('did you mean "info"?', self.mqk("infos", "x", code=2)[1])

    def test_help(self):
        out, _ = self.mqk("--help")
        self.assertTrue(out.startswith("Usage: mqk spool info"), out)
        self.assertEqual(self.mqk("purge", "--help")[0], out)

    def test_no_spool(self):
        os.mkdir(self.spools)
        for action in ("info", "list", "export", "purge"):
            _, err = self.mqk(action, self.spools, code=1)
            self.assertEqual(err, "mqk: there is no spool in %s\n" % self.spools)
            _, err = self.mqk(action, self.spools + "/none", code=1)
            self.assertIn("cannot be read: No such file or directory", err)

    def test_foreign_files(self):
        os.makedirs(self.folder("eu"))
        for name in ("journal", "data.mdb"):
            with open(os.path.join(self.folder("eu"), name), "w", encoding="utf-8") as f:
                f.write("hello\n")
        out, err = self.mqk("export", self.spools, code=1)
        self.assertEqual(out, "")
        self.assertIn("/journal is damaged: it is no journal\n", err)
        self.assertIn("/data.mdb is damaged: it is no LMDB file\n", err)


class BesideAHost(SpoolTest):
    disk = "1GB"

    def test_reading_again_and_again(self):
        """What waits is always seen, whole, while a host puts more in."""
        count = 300000
        put = 60
        self.make(put)
        seen = reads = 0
        while reads == 0:  # a host may be ready before anybody looks: then another one
            host = subprocess.Popen([HOST, self.config, str(count)], stdin=subprocess.PIPE,
                                    stdout=subprocess.PIPE)
            self.addCleanup(self.stop, host)
            while not select.select([host.stdout], [], [], 0)[0]:
                records = self.export("--topic", "other", "--limit", "50")
                self.assertEqual([text(record["value"]) for record in records[:20]],
                                 [payload(n) for n in range(2, 60, 3)])
                seqs = [record["seq"] for record in records]
                self.assertEqual(seqs, sorted(set(seqs)))
                spools = self.info()
                self.assertEqual([spool["damaged"] for spool in spools], [0, 0])
                total = sum(spool["records"] for spool in spools)
                self.assertGreaterEqual(total, seen)
                seen = total
                reads += 1
            self.assertEqual(host.stdout.readline(), b"ready\n")
            put += count
            self.assertEqual(sum(spool["records"] for spool in self.info()), put)
            self.stop(host)


if __name__ == "__main__":
    MQK, HOST = sys.argv[1], sys.argv[2]
    del sys.argv[1:3]
    unittest.main()
