#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What an MQTT broker accepted arrives in Kafka, although the gateway is killed, Kafka goes away and
buffers are full; everything in memory mode. Each test prints what was sent, accepted by the broker,
found in Kafka, lost and duplicated. MQK_LONG=1: 50 kills in place of 5."""
import collections
import os
import random
import signal
import socket
import struct
import subprocess
import threading
import time

import harness
import mqtt
from harness import Mosquitto, mosquitto_pub, wait_until, yaml
from test_gateway import Gateway

LONG = os.environ.get('MQK_LONG', '') not in ('', '0')
KILLS = int(os.environ.get('MQK_KILLS', '50' if LONG else '5'))
QUIET = ['log_type none', 'log_type error', 'log_type warning', 'log_type subscribe']


def rules(servers, topic, buffer='memory: 64MB', dead_letter=None):
    dead = f', dead_letter: {dead_letter}' if dead_letter else ''
    return f'''kafka:
  client:
    servers: [{yaml(servers)}]
    properties: ["reconnect.backoff.max.ms=500"]
  producer: {{ buffer: {{ {buffer} }}{dead} }}
  hook:
    - hook: message.publish
      filter: "in/#"
      topic: "{topic}"
      key: "${{topic}}"
      value: "${{payload}}"
'''


class Feeder(threading.Thread):
    """Publishes numbered QoS 1 messages, and knows which ones the broker accepted."""

    def __init__(self, port, batch=100, pause=0.05):
        super().__init__(daemon=True)
        self.client = mqtt.Client(port, 'feeder')
        self.batch, self.pause, self.over, self.accepted, self.failure = batch, pause, False, 0, None
        self.start()

    def run(self):
        try:
            while not self.over:
                first = self.accepted
                self.client.publish_many(((f'in/{n % 7}', b'%d' % n)
                                          for n in range(first, first + self.batch)), window=50)
                self.accepted += self.batch
                time.sleep(self.pause)
        except (OSError, mqtt.MqttError) as e:
            self.failure = e

    def stop(self):
        self.over = True
        self.join()
        self.client.disconnect()
        if self.failure:
            raise AssertionError(f'the broker failed: {self.failure}')
        return self.accepted


class Base(harness.Case):
    settings = ['max_inflight_messages 500']

    @classmethod
    def setUpClass(cls):
        cls.kafka = harness.Kafka(harness.NEW)

    @classmethod
    def tearDownClass(cls):
        cls.kafka.stop()

    def setUp(self):
        self.topic = self.kafka.new_topic(3)
        self.mosquitto, self.gateway = Mosquitto(settings=[*QUIET, *self.settings]), None

    def tearDown(self):
        for undo in self.kafka.resume, self.kafka.start_broker:
            try:
                undo()
            except AssertionError:
                pass
        if self.gateway:
            self.gateway.stop()
        self.mosquitto.stop()

    def start(self, text, **env):
        """A gateway that has its subscription, a new one in place of the earlier one."""
        at = len(self.mosquitto.log())
        self.gateway = Gateway(harness.write_file('rules.yaml', text), self.mosquitto.port, 'in/#',
                               **env)
        self.mosquitto.wait_log('mqkafka-gateway 1 in/#', at)

    def judge(self, accepted, duplicates=None):
        """All that was accepted is in Kafka; returns how many are there twice."""
        found = collections.Counter()

        def all_there():
            found.clear()
            found.update(int(r.value) for r in self.kafka.records(self.topic))
            return len(found) >= accepted
        try:
            wait_until('all is there', all_there)
        except AssertionError:
            pass
        lost = [n for n in range(accepted) if not found[n]]
        twice = sum(found.values()) - len(found)
        print(f'{self.id().split(".")[-1]}: sent {accepted}, accepted {accepted}, found '
              f'{len(found)}, lost {len(lost)}, duplicated {twice}', flush=True)
        self.assertEqual(lost[:10], [], self.gateway.log()[-3000:])
        self.assertEqual(set(found) - set(range(accepted)), set())
        if duplicates is not None:
            self.assertEqual(twice, duplicates, self.gateway.log()[-3000:])
        return twice


class Loss(Base):
    def test_killed_and_kafka_away(self):
        text = rules(self.kafka.bootstrap, self.topic)
        self.start(text)
        feeder = Feeder(self.mosquitto.port)
        for kill in range(KILLS):
            away = kill % 5 == 2
            if away:
                self.kafka.kill()
            time.sleep(random.uniform(0.05, 1.5))
            self.gateway.process.kill()
            self.gateway.process.wait()
            time.sleep(random.choice((0, 0, 0.3)))
            self.start(text)
            if away:
                time.sleep(3)
                self.kafka.start_broker()
        self.judge(feeder.stop())
        self.assertEqual(self.gateway.stop(), 0, self.gateway.log())

    def test_orderly_end_leaves_nothing_twice(self):
        text = rules(self.kafka.bootstrap, self.topic)
        self.start(text)
        feeder = Feeder(self.mosquitto.port)
        for _ in range(3):
            time.sleep(0.7)
            self.assertEqual(self.gateway.stop(), 0, self.gateway.log())
            self.start(text)
        self.judge(feeder.stop(), 0)

    def test_full_buffer_that_refuses_stops_the_reading(self):
        self.start(rules(self.kafka.bootstrap, self.topic, 'memory: 64KB, when_full: refuse'))
        self.kafka.pause()
        feeder = Feeder(self.mosquitto.port)
        self.gateway.wait_log('not reading from the broker for the moment')
        time.sleep(2)
        self.assertNotIn('lost', self.gateway.log())
        self.kafka.resume()
        self.judge(feeder.stop(), 0)

    def test_full_buffer_that_drops_makes_the_broker_send_again(self):
        self.start(rules(self.kafka.bootstrap, self.topic, 'memory: 64KB, when_full: drop_oldest'))
        self.kafka.pause()
        feeder = Feeder(self.mosquitto.port)
        self.gateway.wait_log('dropped from a full buffer')
        time.sleep(2)
        accepted = feeder.stop()
        self.kafka.resume()
        self.judge(accepted)

    def comes_no_more(self, text, topic, payload, why):
        """A message that cannot get to Kafka is acknowledged: it does not come after a restart."""
        self.start(text)
        client = mqtt.Client(self.mosquitto.port, 'c')
        client.publish(topic, payload, 1)
        if why:
            self.gateway.wait_log(f'will not be in Kafka: {why}')
        client.publish('in/1', b'0', 1)
        self.judge(1, 0)
        self.gateway.stop()
        self.start(text)
        client.publish('in/1', b'1', 1)
        self.judge(2, 0)
        self.assertNotIn('will not be in Kafka', self.gateway.log())
        self.assertEqual(self.gateway.stop(), 0)
        self.assertIn('1 messages received', self.gateway.log())
        client.disconnect()

    def test_too_large(self):
        self.comes_no_more(rules(self.kafka.bootstrap, self.topic), 'in/1', b'x' * 1_100_000,
                           'larger than the stated limit')

    def test_illegal_topic(self):
        odd = self.topic[:-1] + '${topic | level(2) | default(\\"\\")}'
        text = rules(self.kafka.bootstrap, odd)
        self.topic = self.kafka.topic(self.topic[:-1] + '1')
        self.comes_no_more(text, 'in/ä', b'x', 'not a legal Kafka topic name')

    def test_no_rule(self):
        self.comes_no_more(rules(self.kafka.bootstrap, self.topic).replace('in/#', 'in/1'), 'in/2',
                           b'x', None)

    def test_dead_letter_counts_as_safe(self):
        dead = self.kafka.new_topic()
        text = rules(self.kafka.bootstrap, self.topic, dead_letter=dead)
        self.start(text.replace('value: "${payload}"', 'value: "${payload}"\n      partition: "77"'))
        client = mqtt.Client(self.mosquitto.port, 'c')
        client.publish('in/1', b'x', 1)
        self.assertEqual(self.kafka.wait_records(dead, 1)[0].value, b'x')
        self.gateway.stop()
        self.assertNotIn('will not be in Kafka', self.gateway.log())
        self.start(text)
        client.publish('in/1', b'0', 1)
        self.judge(1, 0)
        client.disconnect()


class Access(Base):
    """TLS and logging in."""

    def certificate(self, name):
        key, cert = harness.new_path('key.pem'), harness.new_path('cert.pem')
        subprocess.run([harness.program('openssl'), 'req', '-x509', '-newkey', 'rsa:2048', '-nodes',
                        '-subj', '/CN=broker', '-addext', f'subjectAltName={name}', '-keyout', key,
                        '-out', cert], check=True, stderr=subprocess.DEVNULL)
        return ['cafile ' + cert, 'certfile ' + cert, 'keyfile ' + key], cert

    def tls(self, name, host):
        lines, cert = self.certificate(name)
        self.mosquitto.stop()
        self.mosquitto = Mosquitto(settings=[*QUIET, *lines])
        return cert, {'MQTT_CAFILE': cert, 'MQTT_HOST': host}

    def test_tls(self):
        for name, host in (('IP:127.0.0.1', '127.0.0.1'), ('DNS:localhost', 'localhost')):
            with self.subTest(name):
                self.topic = self.kafka.new_topic()
                cert, env = self.tls(name, host)
                self.start(rules(self.kafka.bootstrap, self.topic), **env)
                million = os.urandom(500_000)
                publish = ['--cafile', cert, '--insecure', '-t', 'in/1', '-q', '1']
                mosquitto_pub(self.mosquitto.port, *publish, '-s', data=million)
                mosquitto_pub(self.mosquitto.port, *publish, '-m', 'x', '--repeat', '500')
                got = self.kafka.wait_records(self.topic, 501)
                self.assertEqual(got[0].value, million)
                self.assertEqual({r.value for r in got[1:]}, {b'x'})
                self.assertEqual(self.gateway.stop(), 0, self.gateway.log())

    def test_tls_that_is_not_to_be_trusted(self):
        for name, host, why in (('IP:127.0.0.2', '127.0.0.1', 'IP address mismatch'),
                                ('DNS:elsewhere', 'localhost', 'ostname mismatch')):
            with self.subTest(name):
                _, env = self.tls(name, host)
                self.gateway = Gateway(harness.write_file('r.yaml', rules('127.0.0.1:1', 't')),
                                       self.mosquitto.port, 'in/#', **env)
                self.gateway.wait_log(why)
                self.gateway.stop()
        _, other = self.certificate('IP:127.0.0.1')
        _, env = self.tls('IP:127.0.0.1', '127.0.0.1')
        self.gateway = Gateway(harness.write_file('r.yaml', rules('127.0.0.1:1', 't')),
                               self.mosquitto.port, 'in/#', **{**env, 'MQTT_CAFILE': other})
        self.gateway.wait_log('self-signed certificate')

    def test_password(self):
        passwords = harness.write_file('passwords', '')
        subprocess.run([harness.program('mosquitto_passwd'), '-b', passwords, 'u', 'pä ss'],
                       check=True, stderr=subprocess.DEVNULL)
        os.chmod(passwords, 0o644)
        self.mosquitto.stop()
        self.mosquitto = Mosquitto(settings=[*QUIET, f'password_file {passwords}'], anonymous=False)
        text = rules(self.kafka.bootstrap, self.topic)
        self.start(text, MQTT_USERNAME='u', MQTT_PASSWORD='pä ss')
        self.gateway.stop()
        self.gateway = Gateway(harness.write_file('r.yaml', text), self.mosquitto.port, 'in/#',
                               MQTT_USERNAME='u', MQTT_PASSWORD='wrong')
        self.gateway.wait_log('the broker refuses the connection: not authorized')


CONNACK = b'\x20\x03\x00\x00\x00'
PUBLISH = b'\x32\x07\x00\x01t\x00'
HOSTILE = [  # what a broker says, and what the gateway says to that
    (b'\xff\xff\xff\xff\xff\xff', 'the length of a packet'),
    (b'\x15\x03\x03\x00\x02\x02\x0a', 'wrong flags of a packet'),  # TLS
    (b'\x20\x02\x00\x01', 'the broker refuses the connection: unacceptable protocol version'),
    (b'\x20\x03\x00\x86\x00', 'the broker refuses the connection: bad user name or password'),
    (PUBLISH + b'\x01\x00x', 'a packet that does not belong there'),
    (CONNACK + CONNACK, 'a packet that does not belong there'),
    (CONNACK + b'\x30\xff\xff\xff\x7f', 'a packet larger than allowed'),
    (CONNACK + b'\x36\x07\x00\x01t\x00\x01\x00x', 'a message with QoS 3'),
    (CONNACK + b'\x32\x07\x00\x01\xff\x00\x01\x00x', 'a text is not valid UTF-8'),
    (CONNACK + b'\x32\x07\x00\x01t\x00\x00\x00x', 'packet identifier 0'),
    (CONNACK + b'\x32\x03\x00\x09t', 'a packet ends too early'),
    (CONNACK + b'\xe0\x01\x8e', 'session taken over: another client has the same client id'),
    (CONNACK + b'\xf0\x00', 'a packet that was not asked for'),
    (CONNACK + b''.join(b'\x32\x07\x00\x01t' + struct.pack('>H', n % 65535 + 1) + b'\0x'
                        for n in range(65536)), 'more messages without acknowledgement'),
    (b'', 'closed by the broker'),
]


class Hostile(harness.Case):
    def test_brokers(self):
        """A broker that does not keep to the rules is told so and left; the gateway tries again."""
        path = harness.write_file('r.yaml', rules('127.0.0.1:1', 't').replace('in/#', 't'))
        for said, why in HOSTILE:
            with self.subTest(why), socket.create_server(('127.0.0.1', 0)) as server:
                server.settimeout(harness.PATIENCE)
                gateway = Gateway(path, server.getsockname()[1], '#')
                for _ in range(2):
                    connection, _ = server.accept()
                    with connection:
                        connection.settimeout(harness.PATIENCE)
                        self.assertEqual(connection.recv(1 << 16)[:1], b'\x10')
                        connection.sendall(said)
                        if not said:
                            continue
                        try:
                            while connection.recv(1 << 16):
                                pass
                        except ConnectionError:
                            pass
                gateway.wait_log(why)
                self.assertEqual(gateway.process.poll(), None, gateway.log())
                gateway.process.send_signal(signal.SIGTERM)
                gateway.process.wait(harness.PATIENCE)
                self.assertNotIn('Sanitizer', gateway.log())
                self.assertNotIn('runtime error', gateway.log())


def setUpModule():
    harness.gateway_path()
    for name in ('mosquitto', 'mosquitto_pub', 'mosquitto_passwd', 'kcat', 'openssl'):
        harness.program(name)


if __name__ == '__main__':
    harness.main()
