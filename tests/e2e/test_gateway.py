#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The gateway: a Mosquitto without plugin, the gateway program beside it, a real Kafka."""
import os
import signal
import subprocess

import harness
import mqtt
from harness import Mosquitto, mosquitto_pub, wait_until, yaml

COUNT = 20000


def rules(kafka, topic):
    return f'''kafka:
  client:
    servers: [{yaml(kafka.bootstrap)}]
    properties: ["message.max.bytes=4000000"]
  hook:
    - hook: message.publish
      filter: "in/#"
      topic: {topic}
      key: "${{topic}}"
      value: "${{payload}}"
      headers:
        - {{ name: user, value: "${{user.u}}" }}
        - {{ name: node, value: "${{node}}" }}
'''


class Gateway:
    """The program, running."""

    def __init__(self, rules_path, port, *filters, **env):
        self.log_path = harness.new_path('gateway.log')
        with open(self.log_path, 'wb') as log:
            self.process = subprocess.Popen(
                [harness.gateway_path(), rules_path, *filters], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, preexec_fn=harness.die_with_us,
                env={**os.environ, 'MQTT_HOST': '127.0.0.1', 'MQTT_PORT': str(port),
                     'MQK_NODE': 'gw', **env})
        harness.on_exit(self.stop)

    def log(self):
        with open(self.log_path, errors='replace') as f:
            return f.read()

    def wait_log(self, needle, after=0):
        try:
            wait_until(f'{needle!r} in the log of the gateway',
                       lambda: needle in self.log()[after:])
        except AssertionError as e:
            raise AssertionError(f'{e}\n{self.log()[-3000:]}') from None

    def stop(self):
        return harness.stop_process(self.process, signal.SIGTERM)


class Test(harness.Case):
    @classmethod
    def setUpClass(cls):
        cls.kafka = harness.kafka()

    @classmethod
    def tearDownClass(cls):
        cls.kafka.stop()

    def setUp(self):
        self.topic = self.kafka.new_topic()
        self.rules_path = harness.write_file('rules.yaml', rules(self.kafka, self.topic))
        self.mosquitto = Mosquitto()
        self.gateway = None

    def tearDown(self):
        if self.gateway:
            self.gateway.stop()
        self.mosquitto.stop()

    def start(self, **env):
        self.gateway = Gateway(self.rules_path, self.mosquitto.port, 'in/#', **env)
        self.mosquitto.wait_log('Sending SUBACK to')

    def test_bytes(self):
        self.start()
        million = os.urandom(1_000_000)
        payloads = [b'text', b'', bytes(range(256)), b'\0', million]
        client = mqtt.Client(self.mosquitto.port, 'c', 5)
        for qos, payload in enumerate(payloads):
            client.publish(f'in/{qos}', payload, qos % 3, props=[('User-Property', ('u', 'ä"\\'))])
        client.publish('elsewhere', b'no', 1)
        mosquitto_pub(self.mosquitto.port, '-t', 'in/last', '-m', 'by mosquitto_pub', '-q', '1')
        got = self.kafka.wait_records(self.topic, len(payloads) + 1)
        for i, payload in enumerate(payloads):
            self.assertEqual(got[i].key, b'in/%d' % i)
            self.assertTrue(got[i].value == payload, f'payload {i}')
            self.assertEqual(got[i].headers, 'user=ä"\\,node=gw'.encode())
        self.assertEqual(got[-1][4:6], (b'in/last', b'by mosquitto_pub'))
        client.disconnect()
        self.assertEqual(self.gateway.stop(), 0, self.gateway.log())

    def test_all_arrive_and_the_end_waits_for_them(self):
        self.start()
        client = mqtt.Client(self.mosquitto.port, 'c')
        client.publish_many(((f'in/{n % 10}', b'%d' % n) for n in range(COUNT)), window=100)
        client.disconnect()
        wait_until('the gateway has got them all',
                   lambda: len(self.kafka.records(self.topic)) > COUNT // 2)
        self.kafka.wait_records(self.topic, COUNT)
        self.assertEqual(self.gateway.stop(), 0, self.gateway.log())
        self.assertIn(f'{COUNT} records delivered', self.gateway.log())
        got = self.kafka.records(self.topic)
        self.assertEqual([int(r.value) for r in got], list(range(COUNT)))

    def test_broker_goes_and_comes(self):
        self.start()
        port = self.mosquitto.port
        mosquitto_pub(port, '-t', 'in/1', '-m', 'one', '-q', '1')
        self.kafka.wait_records(self.topic, 1)
        self.mosquitto.stop()
        self.gateway.wait_log('onnection')
        self.mosquitto = Mosquitto(port=port)
        self.mosquitto.wait_log('Sending SUBACK to')
        mosquitto_pub(port, '-t', 'in/2', '-m', 'two', '-q', '1')
        got = self.kafka.wait_records(self.topic, 2)
        self.assertEqual([r.value for r in got], [b'one', b'two'])

    def test_reload(self):
        self.start()
        other = self.kafka.new_topic()
        with open(self.rules_path, 'w') as f:
            f.write(rules(self.kafka, other))
        self.gateway.process.send_signal(signal.SIGHUP)
        self.gateway.wait_log('reloaded')
        mosquitto_pub(self.mosquitto.port, '-t', 'in/1', '-m', 'new', '-q', '1')
        self.assertEqual([r.value for r in self.kafka.wait_records(other, 1)], [b'new'])
        with open(self.rules_path, 'w') as f:
            f.write('kafka: [\n')
        at = len(self.gateway.log())
        self.gateway.process.send_signal(signal.SIGHUP)
        self.gateway.wait_log('the old rules stay', at)
        mosquitto_pub(self.mosquitto.port, '-t', 'in/1', '-m', 'still', '-q', '1')
        self.assertEqual([r.value for r in self.kafka.wait_records(other, 2)], [b'new', b'still'])


def setUpModule():
    harness.gateway_path()
    for name in ('mosquitto', 'mosquitto_pub', 'kcat'):
        harness.program(name)


if __name__ == '__main__':
    harness.main()
