#!/usr/bin/env python3
"""breaking_registry.py MODE PORT-FILE LOG HOST:PORT - a real registry, seen through a bad line (a mock of what cannot be
had for real).  Every GET of a blob is written to LOG as "DIGEST RANGE".  MODE:
  cut      a blob of more than 64 KiB breaks off after half of what is asked for, three times
  forget   the same, and Range is not known
  wrong    the first answer to a Range begins elsewhere
  busy     the first GET of each blob is answered 429, Retry-After 1
  flip     the last byte of every blob is another
  long     every blob is one byte longer
  meet N   no blob of more than 64 KiB is sent before N of them are asked for at once
  proxy    none of these: whatever host is asked for, it is the registry"""

import http.client
import http.server
import sys
import threading

MODE, PORT_FILE, LOG, REAL = sys.argv[1:5]
meeting = threading.Barrier(int(MODE.split()[1])) if MODE.startswith("meet ") else None
lock = threading.Lock()
seen = {}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def forward(self):
        headers = {k: v for k, v in self.headers.items() if k.lower() in ("accept", "range", "authorization")}
        if self.path.startswith("http://"):
            self.path = "/" + self.path.split("/", 3)[3]
        blob = self.command == "GET" and "/blobs/" in self.path
        times = 0
        if blob:
            with lock:
                times = seen[self.path] = seen.get(self.path, 0) + 1
                with open(LOG, "a") as f:
                    print(self.path.split("/")[-1], headers.get("Range", "-"), file=f)
            if MODE == "forget":
                headers.pop("Range", None)
            if MODE == "wrong" and "Range" in headers:
                headers["Range"] = "bytes=0-"
        if blob and MODE == "busy" and times == 1:
            self.send_response(429)
            self.send_header("Retry-After", "1")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        c = http.client.HTTPConnection(REAL)
        c.request(self.command, self.path, headers=headers)
        r = c.getresponse()
        body = r.read()
        c.close()
        if blob and meeting and len(body) > 65536:
            meeting.wait(60)
        if blob and MODE == "flip":
            body = body[:-1] + bytes([body[-1] ^ 1])
        if blob and MODE == "long":
            body += b"x"
        self.send_response(r.status)
        for k, v in r.getheaders():
            if k.lower() not in ("content-length", "transfer-encoding", "connection", "date"):
                self.send_header(k, v)
        length = r.getheader("Content-Length") if self.command == "HEAD" else len(body)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        if blob and MODE in ("cut", "forget", "wrong") and len(body) > 65536 and times <= 3:
            self.wfile.write(body[:len(body) // 2])
            self.close_connection = True
            return
        self.wfile.write(body)

    do_GET = do_HEAD = forward


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(PORT_FILE, "w") as f:
    print(server.server_address[1], file=f)
server.serve_forever()
