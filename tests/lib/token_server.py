"""A token service for tests (distribution token specification): RS256 with x5c, signed by openssl.

GET with Basic credentials (with offline_token=true it also gives the refresh token "refresh-me", as docker login wants),
GET without (a token that allows nothing), POST with that refresh token.
Each request is one line in the log: method, user, scope.  --stale-first: the first token has run out.
"""

import argparse
import base64
import json
import subprocess
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

parser = argparse.ArgumentParser()
for name in ("key", "cert", "port-file", "user", "password-file", "log"):
    parser.add_argument("--" + name, required=True)
parser.add_argument("--stale-first", action="store_true")
options = parser.parse_args()
password = open(options.password_file, encoding="ascii").read()
state = {"issued": 0}


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(user, scopes):
    now = int(time.time())
    if options.stale_first and state["issued"] == 0:
        now -= 3600
    state["issued"] += 1
    access = []
    for scope in scopes:
        kind, name, actions = scope.split(":", 2)
        access.append({"type": kind, "name": name, "actions": actions.split(",") if user else []})
    der = subprocess.run(["openssl", "x509", "-in", options.cert, "-outform", "DER"], check=True, capture_output=True)
    header = {"typ": "JWT", "alg": "RS256", "x5c": [base64.b64encode(der.stdout).decode()]}
    claims = {"iss": "gapferry-test", "sub": user, "aud": "reg.svc", "exp": now + 300, "nbf": now - 10, "iat": now,
              "jti": str(state["issued"]), "access": access}
    text = b64(json.dumps(header).encode()) + "." + b64(json.dumps(claims).encode())
    signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", options.key], input=text.encode(), check=True,
                               capture_output=True)
    return text + "." + b64(signature.stdout)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def note(self, method, user, scopes):
        with open(options.log, "a", encoding="ascii") as f:
            f.write(f"{method} {user or '-'} {' '.join(scopes)}\n")

    def user(self):
        """The user that is proved; "" for nobody; None where the proof is wrong."""
        given = self.headers.get("Authorization")
        if not given:
            return ""
        try:
            name, secret = base64.b64decode(given.split(" ", 1)[1]).decode().split(":", 1)
        except (ValueError, IndexError):
            return None
        return name if (name, secret) == (options.user, password) else None

    def do_GET(self):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        scopes, user = query.get("scope", []), self.user()
        self.note("GET", user, scopes)
        if user is None:
            self.answer(401, {"errors": [{"code": "UNAUTHORIZED", "message": "wrong name or password"}]})
        else:
            text = token(user, scopes)
            answer = {"token": text, "access_token": text, "expires_in": 300}
            if user and query.get("offline_token") == ["true"]:
                answer["refresh_token"] = "refresh-me"
            self.answer(200, answer)

    def do_POST(self):
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode())
        scopes = form.get("scope", [])
        right = form.get("refresh_token") == ["refresh-me"] and form.get("grant_type") == ["refresh_token"]
        self.note("POST", options.user if right else None, scopes)
        if right:
            self.answer(200, {"access_token": token(options.user, scopes), "expires_in": 300})
        else:
            self.answer(401, {"errors": [{"code": "UNAUTHORIZED", "message": "unknown refresh token"}]})


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
with open(options.port_file, "w", encoding="ascii") as f:
    f.write(str(server.server_port))
server.serve_forever()
