#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Mosquitto with the plugin against Mosquitto without it, everything delivered to a real Kafka.

  bench_mosquitto.py LOAD [options, see --help]

LOAD is the program built of load.c. Two brokers run all the time, one with the plugin; rounds of
the same QoS 1 messages to the one and the other alternate. Of each round count:
  rate  messages per second, from the first PUBLISH to the last PUBACK
  CPU   processor time of the broker's process (all its threads) per message, until the last record
        is in Kafka
The median of the rounds counts. After each round Kafka must have exactly the messages published.
"""
import argparse
import os
import re
import statistics
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'e2e'))
import harness  # noqa: E402

TOPIC = 'bench'
RATE_GOAL = 0.95
CPU_GOAL_US = 2.0
TICK_US = 1e6 / os.sysconf('SC_CLK_TCK')
# A log of every packet, as the end-to-end tests have it, would cost more than anything else.
QUIET = ('log_type none', 'log_type error', 'log_type warning', 'log_type notice')
RULES = '''
kafka:
  client: {{ servers: [{servers}] }}
  producer: {{ linger: {linger} }}
  hook:
    - hook: message.publish
      filter: "bench/#"
      topic: {topic}
      key: "${{clientid}}"
      value: {value}
'''
VALUES = {
    'payload': "'${payload}'",
    'json': '\'{"device":"${clientid}","topic":"${topic}","temp":${payload.temp},'
            '"payload":${payload},"at":${timestamp}}\'',
}


def cpu_us(pid):
    """Processor time of a process and all its threads, in microseconds."""
    with open(f'/proc/{pid}/stat') as f:
        fields = f.read().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * TICK_US


def threads_us(pid):
    """Processor time of each thread, by name."""
    times = {}
    for tid in os.listdir(f'/proc/{pid}/task'):
        try:
            with open(f'/proc/{pid}/task/{tid}/comm') as f:
                name = f.read().strip()
            times[name] = times.get(name, 0) + cpu_us(f'{pid}/task/{tid}')
        except OSError:
            pass  # it ended
    return times


def pin(pid, core):
    """Keeps all threads of a process on one core."""
    for tid in os.listdir(f'/proc/{pid}/task'):
        os.sched_setaffinity(int(tid), {core})


class Bench:
    def __init__(self, options):
        self.options = options
        self.kcat = harness.program('kcat', package='kcat')
        self.kafka = harness.kafka()
        self.kafka.topic(TOPIC, options.partitions)
        rules = RULES.format(servers=', '.join(f'"{s}"' for s in self.kafka.bootstrap.split(',')),
                             linger=options.linger, topic=TOPIC, value=VALUES[options.value])
        self.brokers = {'without': harness.Mosquitto(settings=QUIET),
                        'with': harness.Mosquitto(rules, settings=QUIET)}
        self.published = 0

        if options.pin:
            for process in (b.process.pid for b in self.brokers.values()):
                pin(process, 0)
            if self.kafka_pid():
                pin(self.kafka_pid(), 1)

    def kafka_pid(self):
        """Process id of Kafka, None when it is not ours."""
        if not self.kafka.directory:
            return None
        with open(os.path.join(self.kafka.directory, '1', 'pid')) as f:
            return int(f.read())

    def kafka_us(self):
        return cpu_us(self.kafka_pid()) if self.kafka_pid() else 0

    def in_kafka(self):
        """Number of records in the topic."""
        args = [self.kcat, '-b', self.kafka.bootstrap, '-Q']
        for partition in range(self.options.partitions):
            args += ['-t', f'{TOPIC}:{partition}:-1']
        said = subprocess.run(args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=True,
                              timeout=harness.PATIENCE, text=True).stdout
        offsets = re.findall(r'offset (\d+)', said)
        assert len(offsets) == self.options.partitions, said
        return sum(map(int, offsets))

    def round(self, which, messages):
        """One round: (messages a second, seconds until all is in Kafka, µs of CPU, by thread)."""
        broker = self.brokers[which]
        o = self.options
        load = subprocess.Popen(
            [o.load, str(broker.port), str(o.clients), str(messages), str(o.size), str(o.window)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if load.stdout.readline() != 'ready\n':
            raise AssertionError(f'the load does not start: {broker.log()}')
        if o.pin:
            pin(load.pid, 1)
        kafka_before = self.kafka_us()
        before, before_threads = cpu_us(broker.process.pid), threads_us(broker.process.pid)
        start = time.monotonic()
        answer, _ = load.communicate('go\n', timeout=harness.PATIENCE)
        if load.returncode:
            raise AssertionError(f'the load failed: {broker.log()}')
        if which == 'with':
            self.published += messages
            harness.wait_until(f'{self.published} records in Kafka',
                               lambda: self.in_kafka() >= self.published)
        delivered = time.monotonic() - start
        cpu = (cpu_us(broker.process.pid) - before) / messages
        threads = {name: (us - before_threads.get(name, 0)) / messages
                   for name, us in threads_us(broker.process.pid).items()}
        arrived = self.in_kafka()
        if arrived != self.published:
            raise AssertionError(f'{self.published} messages, but {arrived} records in Kafka')
        seconds, load_seconds = map(float, answer.split())
        threads['(load)'] = load_seconds * 1e6 / messages
        threads['(Kafka)'] = (self.kafka_us() - kafka_before) / messages
        return messages / seconds, delivered, cpu, threads

    def run(self):
        o = self.options
        # Kafka's virtual machine compiles what it runs while it gets warm.
        for _ in range(o.warm_up):
            self.round('with', o.messages)
        self.round('without', o.messages)
        results = {'without': [], 'with': []}
        print(f'{o.rounds} rounds of {o.messages} messages, {o.size} bytes, QoS 1, {o.clients} '
              f'clients with {o.window} in flight each; Kafka {self.kafka.version}, value: '
              f'{o.value}, {o.partitions} partitions, linger {o.linger}', flush=True)
        for number in range(o.rounds):
            order = ('without', 'with') if number % 2 == 0 else ('with', 'without')
            for which in order:
                results[which].append(self.round(which, o.messages))
            line = '   '.join(f'{which:7} {results[which][-1][0]:8.0f} msg/s '
                              f'{results[which][-1][2]:6.2f} us CPU' for which in results)
            print(f'  round {number + 1:2}   {line}', flush=True)
        return results


def report(results):
    def middle(which, column):
        return statistics.median(r[column] for r in results[which])
    plain_rate, plugin_rate = middle('without', 0), middle('with', 0)
    plain_cpu, plugin_cpu = middle('without', 2), middle('with', 2)
    ratio, more = plugin_rate / plain_rate, plugin_cpu - plain_cpu
    print(f'rate   {plugin_rate:9.0f} msg/s with the plugin   {plain_rate:9.0f} without'
          f'   ratio {ratio:6.3f}   (goal at least {RATE_GOAL})')
    print(f'CPU    {plugin_cpu:9.2f} us/msg with the plugin  {plain_cpu:9.2f} without'
          f'   {more:+6.2f} us         (goal at most +{CPU_GOAL_US})')
    names = sorted({name for r in results['with'] for name in r[3]})
    parts = {name: statistics.median(r[3].get(name, 0) for r in results['with']) for name in names}
    print('CPU for each message with the plugin, by thread: '
          + ', '.join(f'{name} {us:.2f} us' for name, us in parts.items() if us >= 0.01))
    print(f'all records in Kafka after {middle("with", 1):.2f} s '
          f'(messages acknowledged by Mosquitto after '
          f'{statistics.median(results["messages"] / r[0] for r in results["with"]):.2f} s)')
    print(f'goals  rate {"reached" if ratio >= RATE_GOAL else "MISSED"}, '
          f'CPU {"reached" if more <= CPU_GOAL_US else "MISSED"}', flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('load')
    parser.add_argument('--rounds', type=int, default=9)
    parser.add_argument('--warm-up', type=int, default=4)
    parser.add_argument('--messages', type=int, default=200000)
    parser.add_argument('--clients', type=int, default=10)
    parser.add_argument('--window', type=int, default=50)
    parser.add_argument('--size', type=int, default=200)
    parser.add_argument('--pin', action='store_true',
                        help='the brokers on core 0, Kafka and the load on core 1')
    parser.add_argument('--partitions', type=int, default=4)
    parser.add_argument('--linger', default='20ms')
    parser.add_argument('--value', choices=VALUES, default='payload')
    options = parser.parse_args()
    harness.program('java', package='default-jre-headless')
    harness.program('mosquitto', package='mosquitto')
    # A broker as one runs it, not one that has to start fast.
    os.environ.setdefault('KAFKA_JAVA_OPTS', '-Xmx768m')
    results = Bench(options).run()
    results['messages'] = options.messages
    report(results)


if __name__ == '__main__':
    main()
