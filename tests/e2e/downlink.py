# SPDX-License-Identifier: Apache-2.0
"""What the tests of the way back share: rules, records by kcat, subscribers, hosts, accounts."""
import collections
import json
import os
import signal
import subprocess
import threading
import time

import harness
import mqtt
from harness import yaml

RECEIVE = 'tests/e2e/receive'


def rules(kafka, *consumers, more=''):
    """A configuration with these consumer rules (dicts); `more`: further YAML below `kafka:`."""
    servers = ', '.join(yaml(s) for s in kafka.bootstrap.split(','))
    out = f'''kafka:
  client:
    servers: [{servers}]
    properties: ["message.max.bytes=4000000"]
  consumer:
'''
    for rule in consumers:
        rule = {'offset_reset': 'earliest', **rule}
        lines = [f'{name}: {json.dumps(value, ensure_ascii=False)}' for name, value in rule.items()]
        out += '    - ' + '\n      '.join(lines) + '\n'
    return out + more


def publish_rule(topic, **more):
    return {'name': 'down', 'topics': [topic], 'group_id': f'g-{topic}', 'action': 'publish',
            'mqtt_topic': '${key}', **more}


def produce(kafka, topic, records, headers=(), partition=None):
    """Writes (key, value) pairs with kcat, in order, acknowledged by all replicas."""
    args = [harness.program('kcat', package='kcat'), '-P', '-b', kafka.bootstrap, '-t', topic, '-K',
            '\t', '-X', 'acks=all', '-X', 'linger.ms=5', '-X', 'message.max.bytes=4000000']
    for name, value in headers:
        args += ['-H', f'{name}={value}']
    if partition is not None:
        args += ['-p', str(partition)]
    lines = b''.join(mqtt.raw(key) + b'\t' + mqtt.raw(value) + b'\n' for key, value in records)
    subprocess.run(args, input=lines, check=True, timeout=harness.PATIENCE)


def produce_bytes(kafka, topic, key, value):
    """Writes one record with any bytes in its value."""
    path = harness.write_file('value', value)
    subprocess.run([harness.program('kcat'), '-P', '-b', kafka.bootstrap, '-t', topic, '-k', key,
                    '-X', 'message.max.bytes=4000000', path], check=True, timeout=harness.PATIENCE)


class Account:
    """What was sent and what arrived; tells it, whatever comes."""

    def __init__(self, what):
        self.what, self.sent, self.accepted = what, [], None
        self.arrived = collections.Counter()

    def lost(self):
        return [n for n in self.sent if n not in self.arrived]

    def text(self):
        arrived = sum(self.arrived.values())
        strange = set(self.arrived) - set(self.sent)
        return (f'{self.what}: sent {len(self.sent)}, '
                f'accepted {"-" if self.accepted is None else self.accepted}, arrived {arrived}, '
                f'lost {len(self.lost())}, duplicated {arrived - len(self.arrived)}, '
                f'unknown {len(strange)}')

    def wait(self, arrived):
        """Waits until as many different ones have arrived as were sent, or nothing comes any
        more."""
        self.arrived = arrived
        seen, since = -1, time.monotonic()
        while len(arrived) < len(self.sent) and time.monotonic() - since < 30:
            if len(arrived) != seen:
                seen, since = len(arrived), time.monotonic()
            time.sleep(0.1)

    def check(self, case):
        print(self.text(), flush=True)
        case.assertEqual(self.lost()[:10], [], self.text())
        case.assertTrue(set(self.arrived) <= set(self.sent), self.text())


class CountingClient(mqtt.Client):
    """Acknowledges a message only when it was counted, also one that comes before the answer to
    its subscription: the broker may be killed right behind it."""

    def __init__(self, subscriber, *args, **named):
        self.subscriber = subscriber
        super().__init__(*args, **named)

    def send(self, kind, flags, body):
        if kind == mqtt.PUBACK:
            self.subscriber.count(self.messages)
        super().send(kind, flags, body)


class Subscriber(threading.Thread):
    """A QoS 1 subscriber with a session that the broker keeps; it comes back when the broker does.
    Counts what it gets, and acknowledges only what it has counted."""

    def __init__(self, port, topic_filter, clientid='subscriber'):
        super().__init__(daemon=True)
        self.port, self.filter, self.clientid = port, topic_filter, clientid
        self.payloads = collections.Counter()
        self.connects, self.connected, self.over = 0, threading.Event(), False
        self.held_up = 0.0  # the longest time in which it did not look
        self.start()

    def run(self):
        while not self.over:
            try:
                client = CountingClient(self, self.port, self.clientid, clean=False, timeout=5)
                client.subscribe(self.filter, 1)
            except (OSError, mqtt.MqttError):
                time.sleep(0.02)
                continue
            self.connects += 1
            self.connected.set()
            client.socket.settimeout(0.2)
            self.take(client)
            self.connected.clear()
            client.drop()

    def take(self, client):
        looked = time.monotonic()
        while not self.over:
            self.held_up = max(self.held_up, time.monotonic() - looked)
            looked = time.monotonic()
            try:
                packet = client.packet()
            except TimeoutError:
                continue
            except (OSError, mqtt.MqttError):
                return
            try:
                client.handle(*packet)
            except (OSError, mqtt.MqttError):
                return
            self.count(client.messages)

    def count(self, messages):
        for message in messages:
            self.payloads[message.payload] += 1
        messages.clear()

    def stop(self):
        self.over = True
        self.join(10)


class Receiver:
    """tests/e2e/receive: a host that writes down what it accepts, and only then accepts it."""

    def __init__(self, rules_path, accepted_path, node='r', *options):
        self.accepted_path = accepted_path
        self.errors_path = harness.new_path('receive.err')
        with open(self.errors_path, 'wb') as errors:
            self.process = subprocess.Popen(
                [harness.built('MQK_RECEIVE', RECEIVE), rules_path, '--accepted', accepted_path,
                 '--node', node, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=errors, preexec_fn=harness.die_with_us)
        harness.on_exit(self.kill)

    def errors(self):
        with open(self.errors_path, errors='replace') as f:
            return f.read()

    def kill(self):
        harness.stop_process(self.process, signal.SIGKILL)
        if os.path.exists(self.accepted_path):
            # A write at the end of a page may have been cut in two, and was not accepted then.
            with open(self.accepted_path, 'rb+') as f:
                f.truncate(f.read().rfind(b'\n') + 1)
        for pipe in (self.process.stdin, self.process.stdout):
            try:
                pipe.close()
            except OSError:
                pass

    def close(self):
        """Ends it in an orderly way; returns its counters."""
        try:
            out, _ = self.process.communicate(timeout=harness.PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGQUIT)
            raise AssertionError(f'receive does not end: {self.errors()[-3000:]}') from None
        if self.process.returncode:
            raise AssertionError(f'receive: {self.process.returncode}: {self.errors()[-3000:]}')
        return json.loads(out)


def accepted(path):
    """[(rule, topic, partition, offset, value)] of what a Receiver wrote down."""
    if not os.path.exists(path):
        return []
    with open(path) as f:
        # The end of the last one may not be written yet.
        lines = [line[:-1].split('\t') for line in f if line.endswith('\n')]
    return [(rule, topic, int(partition), int(offset), value)
            for rule, topic, partition, offset, value in lines]


def long_run():
    """Whether this is the long run, with everything tried more often."""
    return bool(os.environ.get('MQK_LONG'))
