#!/usr/bin/env python3
"""counting_proxy.py PORT-FILE COUNT-FILE TARGET [--cut N | --stall N]

A proxy on 127.0.0.1 in front of a registry, TARGET being its port; or, where TARGET is the path of a daemon's socket,
on PORT-FILE.sock.  The bytes that clients sent so far, of all connections, stand in COUNT-FILE (rewritten by each
SIGUSR1 and at the end).  With --cut N it ends all connections, for good, after N bytes: a line that breaks.  With
--stall N no byte passes behind the first N, and the connections stay.  SIGTERM ends it."""

import os
import signal
import socket
import sys
import threading

port_file, count_file, target = sys.argv[1:4]
cut = int(sys.argv[5]) if sys.argv[4:5] == ["--cut"] else None
stall = int(sys.argv[5]) if sys.argv[4:5] == ["--stall"] else None
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
            if counted and stall is not None and sent > stall:
                threading.Event().wait()
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
        if target.startswith("/"):
            server = socket.socket(socket.AF_UNIX)
            server.connect(target)
        else:
            server = socket.create_connection(("127.0.0.1", int(target)))
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
if target.startswith("/"):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(port_file + ".sock")
    listener.listen(64)
    where = port_file + ".sock"
else:
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    where = listener.getsockname()[1]
write_count()
with open(port_file + ".new", "w") as f:
    f.write("%s\n" % where)
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
