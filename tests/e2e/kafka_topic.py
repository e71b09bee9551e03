#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Creates topics, and asks Kafka this and that, by its own protocol: in milliseconds instead of
a Java start.

  kafka_topic.py HOST:PORT[,…] NAME [PARTITIONS [REPLICATION [CONFIG=VALUE]…]]
  kafka_topic.py HOST:PORT --brokers N      fails unless N brokers and a controller are there
"""
import socket
import struct
import sys
import time

CREATE_TOPICS, METADATA, OFFSET_FETCH = 19, 3, 9
TOPIC_ALREADY_EXISTS = 36


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def number(self, form):
        value, = struct.unpack_from('>' + form, self.data, self.at)
        self.at += struct.calcsize('>' + form)
        return value

    def text(self):
        size = self.number('h')
        if size < 0:
            return None
        self.at += size
        return self.data[self.at - size:self.at].decode()

    def array(self, item):
        return [item() for _ in range(max(self.number('i'), 0))]


def text(value):
    raw = value.encode()
    return struct.pack('>h', len(raw)) + raw


def array(items):
    return struct.pack('>i', len(items)) + b''.join(items)


def request(address, key, version, body, timeout=10):
    host, port = address.rsplit(':', 1)
    message = struct.pack('>hhi', key, version, 1) + text('mqkafka-tests') + body
    with socket.create_connection((host, int(port)), timeout) as s:
        s.sendall(struct.pack('>i', len(message)) + message)
        stream = s.makefile('rb')
        head = stream.read(4)
        if len(head) < 4:
            raise OSError('the broker closed the connection')
        reader = Reader(stream.read(struct.unpack('>i', head)[0]))
    reader.number('i')
    return reader


def metadata(address, topics=()):
    """(ids of the brokers, id of the controller, {topic: (error, leaders of the partitions)})"""
    r = request(address, METADATA, 4, array([text(t) for t in topics]) + b'\0')
    r.number('i')

    def broker():
        node = r.number('i')
        r.text(), r.number('i'), r.text()
        return node

    def partition():
        error, _, leader = r.number('h'), r.number('i'), r.number('i')
        replicas, in_sync = r.array(lambda: r.number('i')), r.array(lambda: r.number('i'))
        return leader if error == 0 and len(replicas) == len(in_sync) else -1

    def topic():
        error, name = r.number('h'), r.text()
        r.number('b')
        return name, (error, r.array(partition))

    brokers = r.array(broker)
    r.text()
    controller = r.number('i')
    return brokers, controller, dict(r.array(topic))


def committed(address, group, topic, partition):
    """The offset that the group goes on with; -1: none was committed. Asks the group's
    coordinator, which the only broker of a cluster is."""
    r = request(address, OFFSET_FETCH, 1, text(group) + array(
        [text(topic) + array([struct.pack('>i', partition)])]), 60)

    def offset():
        r.number('i')
        found, _, error = r.number('q'), r.text(), r.number('h')
        if error:
            raise OSError(f'offset of group {group}: error {error}')
        return found

    (_, (found,)), = r.array(lambda: (r.text(), r.array(offset)))
    return found


def create(addresses, name, partitions=1, replication=1, config=()):
    """Creates a topic and waits until all its partitions have leaders and are in sync."""
    configs = [text(c.split('=', 1)[0]) + text(c.split('=', 1)[1]) for c in config]
    body = array([text(name) + struct.pack('>ih', partitions, replication) + array([]) +
                  array(configs)]) + struct.pack('>i?', 10000, False)
    deadline = time.monotonic() + 60
    created, why = False, ''
    while time.monotonic() < deadline:
        for address in addresses.split(','):
            try:
                if not created:
                    r = request(address, CREATE_TOPICS, 4, body)
                    r.number('i')
                    (error, why), = r.array(lambda: (r.text(), (r.number('h'), r.text()))[1])
                    created = error in (0, TOPIC_ALREADY_EXISTS)
                    # An invalid request: no use to try again. Not 38, too few brokers: they come
                    # back when Kafka has not heard of them for a while.
                    if error in (17, 37, 40, 42, 44):
                        raise SystemExit(f'topic {name}: error {error}: {why}')
                    if not created:
                        continue
                _, _, topics = metadata(address, [name])
                error, leaders = topics.get(name, (3, []))
                if error == 0 and len(leaders) >= 1 and min(leaders) >= 0:
                    return
            except OSError as e:
                why = str(e)
        time.sleep(0.05)
    raise SystemExit(f'topic {name} cannot be created: {why}')


def main(args):
    if len(args) >= 3 and args[1] == '--brokers':
        brokers, controller, _ = metadata(args[0])
        return 0 if len(brokers) >= int(args[2]) and controller >= 0 else 1
    if len(args) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    numbers = [int(n) for n in args[2:4]]
    create(args[0], args[1], *numbers, config=args[4:])
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
