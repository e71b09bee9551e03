#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Free ports that stay free for whoever is killed and comes back, whatever runs beside it.

  ports.py COUNT      prints so many, and holds them until it is killed

They are bound, so that nobody else takes them, but with SO_REUSEADDR, so that a server that asks
for the same (as Java, Mosquitto and most do) can listen. Below those that outgoing connections use.
"""
import random
import signal
import socket
import sys


def hold_one():
    """A socket that holds a port."""
    try:
        with open('/proc/sys/net/ipv4/ip_local_port_range') as f:
            low = int(f.read().split()[0])
    except (OSError, ValueError):
        low = 32768
    while True:
        port = random.randrange(10000, low) if low > 12000 else random.randrange(10000, 65536)
        holder = socket.socket()
        try:
            holder.bind(('127.0.0.1', port))  # alone
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            return holder
        except OSError:
            holder.close()


def main(args):
    if len(args) != 1 or not args[0].isdigit():
        print(__doc__, file=sys.stderr)
        return 2
    holders = [hold_one() for _ in range(int(args[0]))]
    print(' '.join(str(holder.getsockname()[1]) for holder in holders), flush=True)
    while True:
        signal.pause()


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
