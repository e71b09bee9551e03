# SPDX-License-Identifier: Apache-2.0
"""A small MQTT 3.1.1 and 5 client for tests: it says exactly the bytes that a test wants said."""
import socket
import struct
import time
from typing import NamedTuple

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP = 1, 2, 3, 4, 5, 6, 7
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT = 8, 9, 10, 11, 12, 13, 14

# MQTT 5 properties: name -> (identifier, how it is written)
PROPERTIES = {
    'Payload-Format-Indicator': (0x01, 'B'), 'Message-Expiry-Interval': (0x02, 'I'),
    'Content-Type': (0x03, 's'), 'Response-Topic': (0x08, 's'), 'Correlation-Data': (0x09, 's'),
    'Session-Expiry-Interval': (0x11, 'I'), 'Receive-Maximum': (0x21, 'H'),
    'Maximum-Packet-Size': (0x27, 'I'), 'Reason-String': (0x1f, 's'),
    'User-Property': (0x26, 'pair'),
}


class MqttError(Exception):
    pass


class Refused(MqttError):
    """The broker said no; the connection goes on."""


class Message(NamedTuple):
    topic: bytes
    payload: bytes
    qos: int
    retain: bool


def raw(value):
    return value.encode() if isinstance(value, str) else bytes(value)


def text(value):
    value = raw(value)
    return struct.pack('>H', len(value)) + value


def varint(n):
    out = bytearray()
    while True:
        n, low = divmod(n, 128)
        out.append(low | (0x80 if n else 0))
        if not n:
            return bytes(out)


def properties(pairs):
    """[('Content-Type', 'x'), ('User-Property', ('name', 'value')), …] as the bytes of a packet."""
    out = b''
    for name, value in pairs:
        identifier, form = PROPERTIES[name]
        out += bytes([identifier])
        if form == 'pair':
            out += text(value[0]) + text(value[1])
        else:
            out += text(value) if form == 's' else struct.pack('>' + form, value)
    return varint(len(out)) + out


class Client:
    """One connection. Not for several threads."""

    def __init__(self, port, clientid='', version=4, username=None, password=None, clean=True,
                 props=(), keepalive=600, timeout=60, connect=True):
        self.version, self.timeout, self.clientid = version, timeout, clientid
        self.socket = socket.create_connection(('127.0.0.1', port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray()
        self.last_id = 0
        self.messages = []
        flags = (2 if clean else 0) | (0x80 if username is not None else 0) | \
            (0x40 if password is not None else 0)
        body = text('MQTT') + bytes([version, flags]) + struct.pack('>H', keepalive)
        body += properties(props) if version == 5 else b''
        body += text(clientid)
        body += text(username) if username is not None else b''
        body += text(password) if password is not None else b''
        self.send(CONNECT, 0, body)
        if connect:
            self.connack()

    def connack(self):
        try:
            kind, _, body = self.packet()
        except (MqttError, OSError):
            self.socket.close()
            raise
        if kind != CONNACK or body[1] != 0:
            self.socket.close()
            raise MqttError(f'connection refused: {kind} {bytes(body)!r}')

    def send(self, kind, flags, body):
        self.socket.sendall(bytes([kind << 4 | flags]) + varint(len(body)) + body)

    def fill(self):
        data = self.socket.recv(1 << 18)
        if not data:
            raise MqttError('the broker closed the connection')
        self.buffer += data

    def packet(self):
        """The next packet: (kind, flags, body)."""
        while True:
            size, shift, at = 0, 0, 1
            while at < len(self.buffer):
                size |= (self.buffer[at] & 0x7f) << shift
                shift += 7
                at += 1
                if not self.buffer[at - 1] & 0x80:
                    if len(self.buffer) >= at + size:
                        head, body = self.buffer[0], bytes(self.buffer[at:at + size])
                        del self.buffer[:at + size]
                        return head >> 4, head & 15, body
                    break
            self.fill()

    def next_id(self):
        self.last_id = self.last_id % 65535 + 1
        return self.last_id

    def publish_packet(self, topic, payload=b'', qos=0, retain=False, props=(), dup=False):
        """(packet identifier, the bytes of a PUBLISH)"""
        packet_id = self.next_id() if qos else 0
        body = text(topic) + (struct.pack('>H', packet_id) if qos else b'')
        body += (properties(props) if self.version == 5 else b'') + raw(payload)
        head = PUBLISH << 4 | (8 if dup else 0) | qos << 1 | (1 if retain else 0)
        return packet_id, bytes([head]) + varint(len(body)) + body

    def publish(self, topic, payload=b'', qos=0, retain=False, props=()):
        """Publishes and waits until the broker has said all that belongs to it."""
        packet_id, packet = self.publish_packet(topic, payload, qos, retain, props)
        self.socket.sendall(packet)
        if qos == 1:
            self.expect(PUBACK, packet_id)
        elif qos == 2:
            self.expect(PUBREC, packet_id)
            self.send(PUBREL, 2, struct.pack('>H', packet_id))
            self.expect(PUBCOMP, packet_id)

    def publish_many(self, messages, qos=1, window=20):
        """Publishes (topic, payload) pairs at QoS 1, at most `window` without acknowledgement."""
        open_ids, batch = set(), bytearray()

        def settle(limit):
            nonlocal batch
            if len(open_ids) > limit or not limit:
                self.socket.sendall(batch)
                batch = bytearray()
            while len(open_ids) > limit:
                kind, _, body = self.packet()
                if kind == PUBACK:
                    if len(body) > 2 and body[2] >= 0x80:
                        raise Refused(f'refused with reason code {body[2]}')
                    open_ids.discard(struct.unpack('>H', body[:2])[0])
                else:
                    self.handle(kind, _, body)

        for topic, payload in messages:
            packet_id, packet = self.publish_packet(topic, payload, qos)
            batch += packet
            open_ids.add(packet_id)
            if len(open_ids) >= window:
                settle(window // 2)
        settle(0)

    def handle(self, kind, flags, body):
        if kind != PUBLISH:
            return
        size, = struct.unpack('>H', body[:2])
        qos, at = flags >> 1 & 3, 2 + size + (2 if flags & 6 else 0)
        packet_id = body[2 + size:4 + size]
        if self.version == 5:
            length, shift = 0, 0
            while True:
                length |= (body[at] & 0x7f) << shift
                shift += 7
                at += 1
                if not body[at - 1] & 0x80:
                    break
            at += length
        self.messages.append(Message(body[2:2 + size], body[at:], qos, bool(flags & 1)))
        if qos == 1:
            self.send(PUBACK, 0, packet_id)
        elif qos == 2:
            self.send(PUBREC, 0, packet_id)
            self.expect(PUBREL, struct.unpack('>H', packet_id)[0])
            self.send(PUBCOMP, 0, packet_id)

    def expect(self, wanted, packet_id=None):
        while True:
            kind, flags, body = self.packet()
            if kind == wanted and (packet_id is None or
                                   struct.unpack('>H', body[:2])[0] == packet_id):
                if kind in (PUBACK, PUBREC) and len(body) > 2 and body[2] >= 0x80:
                    raise Refused(f'refused with reason code {body[2]}')
                return body
            if kind == DISCONNECT:
                raise MqttError(f'disconnected by the broker: {body!r}')
            self.handle(kind, flags, body)

    def subscribe(self, topic_filter, qos=0):
        packet_id = self.next_id()
        self.send(SUBSCRIBE, 2, struct.pack('>H', packet_id) +
                  (b'\0' if self.version == 5 else b'') + text(topic_filter) + bytes([qos]))
        code = self.expect(SUBACK, packet_id)[-1]
        if code >= 0x80:
            raise Refused(f'subscription refused with {code}')

    def unsubscribe(self, topic_filter):
        packet_id = self.next_id()
        self.send(UNSUBSCRIBE, 2, struct.pack('>H', packet_id) +
                  (b'\0' if self.version == 5 else b'') + text(topic_filter))
        self.expect(UNSUBACK, packet_id)

    def receive(self, count=1, timeout=30):
        """The next `count` messages; fewer when the time is over."""
        deadline = time.monotonic() + timeout
        while len(self.messages) < count and time.monotonic() < deadline:
            self.socket.settimeout(max(deadline - time.monotonic(), 0.01))
            try:
                self.handle(*self.packet())
            except socket.timeout:
                break
            finally:
                self.socket.settimeout(self.timeout)
        got, self.messages = self.messages[:count], self.messages[count:]
        return got

    def disconnect(self, reason=0):
        try:
            self.send(DISCONNECT, 0, bytes([reason, 0]) if self.version == 5 else b'')
            self.socket.shutdown(socket.SHUT_WR)
            while self.socket.recv(4096):
                pass
        except OSError:
            pass
        self.socket.close()

    def drop(self):
        """Goes away without a word."""
        self.socket.close()
