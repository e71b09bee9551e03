# SPDX-License-Identifier: Apache-2.0
"""`mqk reference`, and the pages that were written by it: python3 test_reference.py PATH-TO-MQK

MQK_WRITE=1 writes the pages anew instead of comparing them.
"""
import json
import os
import shutil
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
import test_mqk  # noqa: E402
from test_mqk import MqkTest  # noqa: E402

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PAGES = {"--markdown": "examples/config/REFERENCE.md", "--man": "examples/mqk/mqkafka.yaml.5"}


class Reference(MqkTest):
    def test_the_pages_are_what_the_library_says(self):
        for option, page in PAGES.items():
            path = os.path.join(REPO, page)
            said, _ = self.run_mqk("reference", option)
            if os.environ.get("MQK_WRITE"):
                with open(path, "w", encoding="utf-8") as f:
                    f.write(said)
            with open(path, encoding="utf-8") as f:
                if f.read() != said:
                    self.fail(f"write it anew: mqk reference {option} > {page}")

    def test_json_has_every_part(self):
        parts = json.loads(self.run_mqk("reference", "--json")[0])
        self.assertEqual(list(parts), ["settings", "hooks", "placeholders", "template_filters",
                                       "operators"])
        linger, = (s for s in parts["settings"] if s["name"] == "linger")
        self.assertEqual(linger["in"], "kafka.producer")
        self.assertEqual(linger["default"], "20ms")
        with open(os.path.join(REPO, "lib/edges/config_schema.c"), encoding="utf-8") as f:
            schema = f.read()
        for setting in parts["settings"]:
            if setting["name"] != "*":
                self.assertIn(f'"{setting["name"]}"', schema)

    def test_names_find_entries(self):
        for name, begins in (("linger", "kafka.producer.linger  duration"),
                             ("bootstrap_hosts", "kafka.client.servers  "),
                             ("kafka.client.servers", "kafka.client.servers  "),
                             ("trunc", "trunc(n)"), ("ts", "timestamp  time"), ("=~", "=~  "),
                             ("client.check_acl", "client.authorize  "), ("user", "user.NAME  ")):
            with self.subTest(name):
                self.assertTrue(self.run_mqk("reference", name)[0].startswith(begins))
        for name in ("lin", "ts,", "s", "", "kafka.clien", "check_acl"):
            with self.subTest(name):
                self.assertIn("there is nothing called",
                              self.run_mqk("reference", name, code=1)[1])

    def test_wrong_usage(self):
        for args in (("--json", "--man"), ("--markdown", "linger"), ("--yaml",)):
            with self.subTest(args):
                self.run_mqk("reference", *args, code=2)

    def test_the_man_pages_are_well_formed(self):
        man = shutil.which("man")
        if not man:
            self.skipTest("man is missing")
        for page in ("examples/mqk/mqk.1", "examples/mqk/mqkafka.yaml.5"):
            done = subprocess.run([man, "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z",
                                   os.path.join(REPO, page)], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, timeout=60,
                                  env={**os.environ, "MANROFFSEQ": "", "LC_ALL": "C.UTF-8"})
            if b"can't execute" in done.stderr or b"not found" in done.stderr:
                self.skipTest("groff is missing")
            self.assertEqual((done.returncode, done.stderr), (0, b""), page)


if __name__ == "__main__":
    test_mqk.main()
