#!/usr/bin/env python3
"""hook_receiver.py PORT-FILE DIR [--tls CERT KEY] - receives webhooks on loopback.

Request N leaves DIR/N.path, DIR/N.headers (one line each) and DIR/N.body.  The path says what is answered:
/ok 200; /fail/K/... 500 K times, then 200; /busy 429 with Retry-After once, then 200; /hangup the connection ends
without an answer once, then 200; /refuse 400; /redirect 302 to /elsewhere; /endless 200 and a body without end;
/toolong 400 and a body without end; /headers 200 and headers without end."""

import http.server
import os
import ssl
import sys

port_file, out = sys.argv[1:3]
seen = {}
count = 0


class Hook(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, text=b"", **headers):
        self.send_response(status)
        for k, v in headers.items():
            self.send_header(k.replace("_", "-"), v)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def flood(self, status, piece):
        self.send_response(status)
        self.end_headers()
        try:
            for _ in range(100000):
                self.wfile.write(piece)
        except OSError:
            pass
        self.close_connection = True

    def do_GET(self):
        self.keep(b"")
        self.answer(200)

    def keep(self, body):
        global count
        count += 1
        for name, data in (("path", self.path.encode()), ("headers", str(self.headers).encode()), ("body", body)):
            with open(os.path.join(out, "%d.%s" % (count, name)), "wb") as f:
                f.write(data)

    def do_POST(self):
        self.keep(self.rfile.read(int(self.headers["Content-Length"])))
        path = self.path.split("?")[0]
        n = seen[path] = seen.get(path, 0) + 1
        if path.startswith("/fail/") and n <= int(path.split("/")[2]):
            self.answer(500, b"not \x1b[31mnow")
        elif path == "/busy" and n == 1:
            self.answer(429, Retry_After="1")
        elif path == "/hangup" and n == 1:
            self.close_connection = True
        elif path == "/refuse":
            self.answer(400, b"bad \x1b[31msignature")
        elif path == "/redirect":
            self.answer(302, Location="/elsewhere")
        elif path == "/endless":
            self.flood(200, b"x" * 65536)
        elif path == "/toolong":
            self.flood(400, b"y" * 65536)
        elif path == "/headers":
            try:
                self.wfile.write(b"HTTP/1.1 200 OK\r\n")
                for i in range(100000):
                    self.wfile.write(b"X-%d: %s\r\n" % (i, b"z" * 1000))
            except OSError:
                pass
            self.close_connection = True
        else:
            self.answer(200, b"thanks")

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
server.daemon_threads = True
if "--tls" in sys.argv:
    i = sys.argv.index("--tls")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[i + 1], sys.argv[i + 2])
    server.socket = context.wrap_socket(server.socket, server_side=True)
with open(port_file + ".new", "w") as f:
    f.write(str(server.server_address[1]))
os.rename(port_file + ".new", port_file)
server.serve_forever()
