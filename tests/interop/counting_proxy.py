#!/usr/bin/env python3
"""counting_proxy.py PORT-FILE COUNT-FILE TARGET-PORT [--cut N]

A TCP proxy on 127.0.0.1 in front of a registry.  The bytes that clients sent so far, of all connections, stand in
COUNT-FILE (rewritten by each SIGUSR1 and at the end).  With --cut N it ends all connections, for good, after N bytes:
a line that breaks.  SIGTERM ends it."""

import os
import signal
import socket
import sys
import threading

port_file, count_file, target = sys.argv[1], sys.argv[2], int(sys.argv[3])
cut = int(sys.argv[5]) if len(sys.argv) > 5 else None
lock = threading.Lock()
sent = 0
broken = False


def write_count(*_):
    with open(count_file + ".new", "w") as f:
        f.write("%d\n" % sent)
    os.rename(count_file + ".new", count_file)


def end(*_):
    write_count()
    os._exit(0)


def shut(*sockets):
    for s in sockets:
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def pump(a, b, counted):
    global sent, broken
    try:
        while True:
            data = a.recv(65536)
            if not data:
                break
            if counted:
                with lock:
                    sent += len(data)
                    if cut is not None and sent > cut:
                        broken = True
            if broken:
                break
            b.sendall(data)
    except OSError:
        pass
    if broken:
        shut(a, b)
    else:
        try:
            b.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def serve(client):
    try:
        server = socket.create_connection(("127.0.0.1", target))
    except OSError:
        client.close()
        return
    t = threading.Thread(target=pump, args=(server, client, False), daemon=True)
    t.start()
    pump(client, server, True)
    t.join()
    client.close()
    server.close()


signal.signal(signal.SIGUSR1, write_count)
signal.signal(signal.SIGTERM, end)
listener = socket.create_server(("127.0.0.1", 0), backlog=64)
write_count()
with open(port_file + ".new", "w") as f:
    f.write("%d\n" % listener.getsockname()[1])
os.rename(port_file + ".new", port_file)
while True:
    try:
        c, _ = listener.accept()
    except InterruptedError:
        continue
    if broken:
        c.close()
    else:
        threading.Thread(target=serve, args=(c,), daemon=True).start()
