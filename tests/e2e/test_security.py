#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kafka that wants to know who is there: SASL and TLS, by the send program."""
import ctypes
import os

import harness
from harness import Sender, wait_until, yaml

SCRAM_FIXED = 0x020601ff  # librdkafka 2.6.1


def librdkafka_version():
    for name in ('librdkafka.so.1', 'librdkafka.so'):
        try:
            return ctypes.CDLL(name).rd_kafka_version()
        except OSError:
            continue
    return 0


def rules(servers, topic, sasl=None, ssl=None):
    out = ['kafka:', '  client:', f'    servers: [{yaml(servers)}]']
    for name, settings in (('sasl', sasl), ('ssl', ssl)):
        if settings:
            out.append(f'    {name}:')
            for key, value in settings.items():
                out.append(f'      {key}: {yaml(value)}')
    return '\n'.join(out + ['  hook:', '    - hook: message.publish', f'      topic: {topic}',
                            '      value: "${payload}"', '      key: "${clientid}"', ''])


class Security:
    version = None

    @classmethod
    def setUpClass(cls):
        cls.kafka = harness.Kafka(cls.version)

    @classmethod
    def tearDownClass(cls):
        cls.kafka.stop()

    def delivers(self, servers, sasl=None, ssl=None):
        topic = self.kafka.new_topic()
        sender = Sender(rules(servers, topic, sasl, ssl), '--tokens')
        self.assertEqual(sender.opened['did'], 'open', sender.opened)
        self.assertEqual(sender.do('publish', 'c', 't', 'hello')['result'], 1)
        flushed = sender.do('flush', 60000)
        self.assertEqual(flushed['status'], 0, (flushed, sender.log()))
        self.assertEqual(sender.do('health')['state'], 'ok')
        closed = sender.close()
        self.assertEqual(closed['undelivered'], 0)
        self.assertEqual(closed['tokens'], {'safe': 1, 'lost': 0, 'wrong': 0})
        self.assertEqual([(r.key, r.value) for r in self.kafka.records(topic)], [(b'c', b'hello')])

    def refuses(self, servers, sasl=None, ssl=None, says=()):
        """Kafka or we refuse: nothing arrives, the log says why, closing tells what was lost."""
        topic = self.kafka.new_topic()
        sender = Sender(rules(servers, topic, sasl, ssl), '--tokens')
        self.assertEqual(sender.opened['did'], 'open', sender.opened)
        self.assertEqual(sender.do('publish', 'c', 't', 'hello')['result'], 1)
        for word in says:
            sender.wait_log(word)
        wait_until('health tells of it',
                   lambda: sender.do('health')['state'] in ('degraded', 'down'))
        log = sender.log()
        if sasl:
            self.assertNotIn(sasl['password'], log)
        closed = sender.close(200)
        self.assertEqual(closed['undelivered'], 1)
        self.assertEqual(closed['tokens'], {'safe': 0, 'lost': 1, 'wrong': 0})
        self.assertEqual(self.kafka.records(topic), [])
        return log

    def sasl(self, mechanism, password=None):
        return {'mechanism': mechanism, 'username': self.kafka.user,
                'password': self.kafka.password if password is None else password}

    def tls(self, **more):
        return {'enable': True, 'cacertfile': self.kafka.ca, 'verify': True, **more}

    def test_sasl_plain(self):
        self.delivers(self.kafka.sasl, self.sasl('plain'), self.tls())

    def test_sasl_password_from_file(self):
        secret = harness.write_file('secret', self.kafka.password + '\n')
        self.delivers(self.kafka.sasl, self.sasl('plain', f'file://{secret}'), self.tls())

    def test_sasl_by_host_name(self):
        by_name = self.kafka.sasl.replace('127.0.0.1', 'localhost')
        self.delivers(by_name, self.sasl('plain'), self.tls())

    def test_wrong_password(self):
        log = self.refuses(self.kafka.sasl, self.sasl('plain', 'not the password'), self.tls(),
                           ['uthentication'])
        self.assertNotIn('2.6.1', log)

    def test_wrong_authority(self):
        self.refuses(self.kafka.sasl, self.sasl('plain'),
                     self.tls(cacertfile=self.kafka.other_ca), ['verif'])

    def test_verify_off(self):
        self.delivers(self.kafka.sasl, self.sasl('plain'),
                      {'enable': True, 'cacertfile': self.kafka.other_ca, 'verify': False})

    def test_client_certificate(self):
        self.delivers(self.kafka.mtls, None, self.tls(certfile=self.kafka.client_cert,
                                                      keyfile=self.kafka.client_key))

    def test_no_client_certificate(self):
        self.refuses(self.kafka.mtls, None, self.tls(), ['certificate'])

    def test_wrong_host_name(self):
        self.refuses(self.kafka.other, None, self.tls(), ['verif'])

    def test_wrong_host_name_without_verify(self):
        self.delivers(self.kafka.other, None, self.tls(verify=False))

    def test_plain_text_on_tls_port(self):
        self.refuses(self.kafka.mtls)


class OldKafka(Security, harness.Case):
    version = harness.OLD

    def test_scram_256(self):
        self.delivers(self.kafka.sasl, self.sasl('scram_sha_256'), self.tls())

    def test_scram_512(self):
        self.delivers(self.kafka.sasl, self.sasl('scram_sha_512'), self.tls())

    def test_scram_wrong_password(self):
        self.refuses(self.kafka.sasl, self.sasl('scram_sha_512', 'not the password'), self.tls(),
                     ['uthentication'])


class NewKafka(Security, harness.Case):
    version = harness.NEW

    def test_scram(self):
        for mechanism in ('scram_sha_256', 'scram_sha_512'):
            with self.subTest(mechanism=mechanism):
                if librdkafka_version() >= SCRAM_FIXED:
                    self.delivers(self.kafka.sasl, self.sasl(mechanism), self.tls())
                    continue
                log = self.refuses(self.kafka.sasl, self.sasl(mechanism), self.tls(),
                                   ['uthentication', '2.6.1', 'Kafka 4'])
                errors = [line for line in log.splitlines()
                          if line.startswith('error') and '2.6.1' in line]
                self.assertTrue(errors, f'the error itself names cause and remedy: {log}')


def setUpModule():
    harness.send_path()
    harness.program('kcat', package='kcat')
    if os.environ.get('MQK_KAFKA_ENV'):
        harness.skip('needs Kafka clusters of its own')


if __name__ == '__main__':
    harness.main()
