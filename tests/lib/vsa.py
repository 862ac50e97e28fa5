#!/usr/bin/env python3
"""vsa.py RECEIPT MANIFEST NAME DIGEST - a SLSA Verification Summary on stdin, read as its specification has it
(slsa.dev/spec/v1.1/verification_summary) and nothing else: the members that must be there, and what they say."""
import json, re, sys

receipt, manifest, name, digest = sys.argv[1:]
s = json.load(sys.stdin)
assert s["_type"] == "https://in-toto.io/Statement/v1"
assert s["predicateType"] == "https://slsa.dev/verification_summary/v1"
assert [(x["name"], "sha256:" + x["digest"]["sha256"]) for x in s["subject"]] == [(name, digest)], s["subject"]
p = s["predicate"]
for uri in (p["verifier"]["id"], p["resourceUri"], p["policy"]["uri"]):
    assert re.match(r"^[a-z][a-z0-9+.-]*:\S+$", uri), uri
assert re.match(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", p["timeVerified"])
assert p["verificationResult"] in ("PASSED", "FAILED")
assert p["verifiedLevels"] and all(re.match(r"^SLSA_BUILD_LEVEL_(\d|UNEVALUATED)$", x) for x in p["verifiedLevels"])
assert re.match(r"^\d+\.\d+$", p["slsaVersion"])
inputs = [x["digest"]["sha256"] for x in p["inputAttestations"]]
assert inputs[0] == manifest and inputs[-1] == receipt, inputs
