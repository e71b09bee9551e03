#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Statistics where hosts show them: the gateway's HTTP and the Mosquitto plugin's file. With an
in-process Kafka."""
import http.client
import json
import os
import re
import signal
import socket
import subprocess

import harness
from harness import Mosquitto, mosquitto_pub, wait_until

RULES = '''kafka:
  client: { servers: ["embedded"] }
  producer: { linger: 0ms }
  hook:
    - { name: all, hook: message.publish, topic: all, value: "${payload}" }
'''


class Gateway:
    def __init__(self, mqtt_port, metrics='127.0.0.1:0'):
        self.log_path = harness.new_path('gateway.log')
        with open(self.log_path, 'wb') as log:
            self.process = subprocess.Popen(
                [harness.gateway_path(), '--metrics', metrics, harness.write_file('rules.yaml', RULES), '#'],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=harness.die_with_us,
                env={**os.environ, 'MQTT_HOST': '127.0.0.1', 'MQTT_PORT': str(mqtt_port)})
        harness.on_exit(self.stop)

    def log(self):
        with open(self.log_path, errors='replace') as f:
            return f.read()

    def port(self):
        wait_until('the port of the metrics', lambda: 'metrics at port' in self.log())
        return int(re.search(r'metrics at port: (\d+)', self.log()).group(1))

    def stop(self):
        return harness.stop_process(self.process, signal.SIGTERM)


def ask(port, path, method='GET', **headers):
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=30)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers['Content-Type'], answer.read().decode()
    finally:
        connection.close()


def value(text, name):
    return sum(float(line.rsplit(' ', 1)[1]) for line in text.splitlines() if line.startswith(name + '{'))


class Metrics(harness.Case):
    def test_gateway(self):
        broker = Mosquitto()
        gateway = Gateway(broker.port)
        port = gateway.port()
        broker.wait_log('Sending SUBACK to')
        mosquitto_pub(broker.port, '-t', 'a', '-m', 'x', '-q', '1', '--repeat', '10')
        wait_until('ten records', lambda: value(ask(port, '/metrics')[2], 'mqkafka_rule_delivered_total') == 10)
        status, kind, text = ask(port, '/metrics')
        self.assertEqual((status, kind), (200, 'text/plain; version=0.0.4; charset=utf-8'))
        self.assertIn('# TYPE mqkafka_events_total counter\n', text)
        status, kind, text = ask(port, '/metrics?x=y', Accept='application/openmetrics-text; version=1.0.0,*/*')
        self.assertEqual((status, kind), (200, 'application/openmetrics-text; version=1.0.0; charset=utf-8'))
        self.assertTrue(text.endswith('# EOF\n'))
        status, kind, text = ask(port, '/stats')
        self.assertEqual((status, kind, json.loads(text)['delivered']), (200, 'application/json', 10))
        self.assertEqual(ask(port, '/health')[::2], (200, 'ok\n'))
        self.assertEqual(ask(port, '/nothing')[0], 404)
        self.assertEqual(ask(port, '/metrics', 'POST')[0], 405)
        self.assertEqual(ask(port, '/metrics', 'HEAD')[::2], (200, ''))

        # Slow, silent, rude and too many.
        idle = [socket.create_connection(('127.0.0.1', port), 30) for _ in range(20)]
        slow = socket.create_connection(('127.0.0.1', port), 30)
        slow.sendall(b'GET /health HT')
        self.assertEqual(ask(port, '/health')[0], 200)
        slow.sendall(b'TP/1.1\r\nHost: x\r\n\r\n')
        self.assertTrue(slow.recv(1000).startswith(b'HTTP/1.1 200 OK\r\n'))
        for request in (b'x' * 10000, b'\0' * 100 + b'\r\n\r\n', b'\r\n\r\n', b'GET\r\n\r\n'):
            with socket.create_connection(('127.0.0.1', port), 30) as rude:
                try:
                    rude.sendall(request)
                    self.assertEqual(rude.recv(1000), b'')
                except ConnectionError:
                    pass
        for s in (*idle, slow):
            s.close()
        self.assertEqual(ask(port, '/health')[0], 200)
        mosquitto_pub(broker.port, '-t', 'a', '-m', 'x', '-q', '1')
        wait_until('the next record', lambda: json.loads(ask(port, '/stats')[2])['delivered'] == 11)
        self.assertEqual(gateway.stop(), 0)

    def test_gateway_with_a_bad_address(self):
        for where in ('nonsense', '127.0.0.1:99999', ':1', '1.2.3.4.5:80', '[::1:80'):
            with self.subTest(where):
                gateway = Gateway(1, where)
                self.assertEqual(gateway.process.wait(harness.PATIENCE), 1)
                self.assertIn(where, gateway.log())

    def test_plugin(self):
        path = harness.new_path('mqkafka.prom')
        broker = Mosquitto(RULES, [f'plugin_opt_mqk_metrics_file {path}', 'plugin_opt_mqk_metrics_interval 200',
                                   'plugin_opt_mqk_node "broker 1"'])

        def text():
            try:
                with open(path, encoding='utf-8') as f:
                    return f.read()
            except FileNotFoundError:
                return ''

        wait_until('the file', text)
        mosquitto_pub(broker.port, '-t', 'a', '-m', 'x', '-q', '1', '--repeat', '10')
        wait_until('ten records', lambda: value(text(), 'mqkafka_rule_delivered_total') == 10)
        for _ in range(200):
            whole = text()
            self.assertTrue(whole.startswith('# HELP ') and whole.endswith('\n'), whole[-100:])
            self.assertIn('\nmqkafka_delivery_latency_seconds_count{', whole)
        broker.stop()
        beside = [name for name in os.listdir(os.path.dirname(path)) if os.path.basename(path) in name]
        self.assertEqual(beside, [])

    def test_plugin_that_cannot_write(self):
        broker = Mosquitto(RULES, ['plugin_opt_mqk_metrics_file /nowhere/at/all/x.prom',
                                   'plugin_opt_mqk_metrics_interval 0'])
        wait_until('the complaint', lambda: '/nowhere/at/all/x.prom cannot be written' in broker.log())
        mosquitto_pub(broker.port, '-t', 'a', '-m', 'x', '-q', '1', '--repeat', '10')
        broker.stop()
        self.assertEqual(broker.log().count('cannot be written'), 1)


if __name__ == '__main__':
    harness.main()
