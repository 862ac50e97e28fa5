#!/usr/bin/python3
"""page.py facts FILE      - reads a page that 'gapferry report' wrote, or a browser's DOM of it, strictly; what is no good
                          HTML, not inert or not for everybody's reader goes to stderr and is failure; its facts are JSON
page.py requests NETLOG  - every address that a net log of Chromium says the page asked for
page.py paper PNG        - the colour of its first pixel
page.py contrast FILE    - every pair of ink and paper of its style sheet has WCAG's 4.5:1
Debian's python3, which has python3-html5lib."""
import json
import re
import struct
import sys
import zlib

import html5lib

HTML = "{http://www.w3.org/1999/xhtml}"
SVG = "{http://www.w3.org/2000/svg}"
ELEMENTS = {HTML + n for n in """html head meta title style body a header main footer section nav p strong h1 h2 h3 h4 ul ol li
    dl div dt dd table caption thead tbody tr th td code figure figcaption""".split()} | {
        SVG + n for n in "svg title desc g rect path text".split()}
ATTRIBUTES = set("""lang charset http-equiv content name class id href aria-labelledby aria-label role tabindex scope viewBox x y
    width height rx d""".split())


def text(e):
    return re.sub(r"\s+", " ", "".join(e.itertext())).strip()


def lint(root, say):
    ids = [e.get("id") for e in root.iter() if e.get("id")]
    if len(ids) != len(set(ids)):
        say("an id is there twice")
    level = 0
    for e in root.iter():
        if e.tag not in ELEMENTS:
            say(f"element {e.tag}")
            continue
        for name, value in e.attrib.items():
            if name not in ATTRIBUTES:
                say(f"attribute {name} of {e.tag}")
            if name == "href" and value.lstrip("#") not in ids:
                say(f"a link to {value}")
            if name == "aria-labelledby" and not set(value.split()) <= set(ids):
                say(f"labelled by {value}, which is not there")
        heading = re.fullmatch(re.escape(HTML) + "h([1-4])", e.tag)
        if heading:
            if int(heading[1]) > level + 1:
                say(f"heading {text(e)} skips a level")
            level = int(heading[1])
        if e.tag == HTML + "table":
            if e[0].tag != HTML + "caption" or not text(e[0]):
                say("a table has no caption")
            width = len(e.findall(f"{HTML}thead/{HTML}tr/{HTML}th"))
            for row in e.findall(f"{HTML}tbody/{HTML}tr"):
                if row[0].get("scope") != "row" or len(row) != width:
                    say(f"a row of '{text(e[0])}' is not like its head")
        if e.tag in (HTML + "th",) and e.get("scope") not in ("row", "col"):
            say("a th has no scope")
        if e.tag == SVG + "svg" and e.get("viewBox") and (
                e.get("role") != "img" or [c.tag for c in e[:2]] != [SVG + "title", SVG + "desc"]):
            say("the drawing has no text alternative")
    for name in ("header", "main", "footer", "h1", "nav"):
        if len(root.findall(f".//{HTML}{name}")) != 1:
            say(f"not one {name}")
    csp = [m.get("content") for m in root.iter(HTML + "meta") if m.get("http-equiv") == "Content-Security-Policy"]
    if len(csp) != 1 or not re.fullmatch(
            "default-src 'none'; style-src 'sha256-[A-Za-z0-9+/=]{44}'; base-uri 'none'; form-action 'none'", csp[0]):
        say(f"policy {csp}")
    css = text(root.find(f".//{HTML}style"))
    if "url(" in css or "@import" in css:
        say("the style sheet asks for something")


def facts(path):
    problems = []
    with open(path, encoding="utf-8") as f:
        source = f.read()
    parser = html5lib.HTMLParser(strict=True)
    root = parser.parse(source)
    lint(root, problems.append)
    sections = {}
    for s in root.iter(HTML + "section"):
        sections[s.get("id")] = {
            "heading": text(s.find(HTML + "h2")),
            "terms": {text(d.find(HTML + "dt")): text(d.find(HTML + "dd")) for d in s.iter(HTML + "div")
                      if d.find(HTML + "dt") is not None},
            "tables": [{
                "caption": text(t[0]),
                "head": [text(h) for h in t.find(HTML + "thead").iter(HTML + "th")],
                "rows": [[text(c) for c in r] for r in t.find(HTML + "tbody")]} for t in s.iter(HTML + "table")],
            "items": [text(i) for i in s.iter(HTML + "li")],
            "text": text(s)}
    json.dump({
        "title": text(root.find(f"{HTML}head/{HTML}title")),
        "h1": text(root.find(f".//{HTML}h1")),
        "verdicts": [text(p) for p in root.iter(HTML + "p") if (p.get("class") or "").startswith("verdict")],
        "landmarks": [e.tag.split("}")[1] for e in root.find(HTML + "body")],
        "drawing": [text(t) for t in root.iter(SVG + "text")],
        "sections": sections}, sys.stdout)
    for p in problems:
        print(f"{path}: {p}", file=sys.stderr)
    return not problems


def requests(path):
    with open(path, encoding="utf-8") as f:
        source = f.read().rstrip().rstrip(",")
    try:
        log = json.loads(source)
    except ValueError:
        log = json.loads(source + "]}")  # a browser that was stopped
    # What the browser asks for itself has no origin.
    found = (e.get("params", {}) for e in log["events"])
    for url in sorted({p["url"] for p in found if p.get("initiator", "not an origin") != "not an origin"}):
        print(url)
    return True


def paper(path):
    with open(path, "rb") as f:
        data = f.read()
    at, packed = 8, b""
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        if kind == b"IDAT":
            packed += data[at + 8:at + 8 + size]
        at += 12 + size
    # Whatever the filter of the first line is, its first pixel stands as it is.
    print("#" + zlib.decompress(packed)[1:4].hex())
    return True


def luminance(colour):
    c = colour[1:]
    c = [int((x * 2 if len(c) == 3 else x), 16) / 255 for x in re.findall("." if len(c) == 3 else "..", c)]
    r, g, b = [x / 12.92 if x <= 0.03928 else ((x + 0.055) / 1.055) ** 2.4 for x in c]
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(path):
    with open(path, encoding="utf-8") as f:
        sheets = re.findall(r":root\{([^}]*)\}", f.read())
    good = len(sheets) == 3  # light, dark, print
    for sheet in sheets:
        v = dict(re.findall(r"--([a-z-]+):(#[0-9a-f]+)", sheet))
        for ink, papers in (("ink", ("paper", "panel", "good-paper", "bad-paper")), ("dim", ("paper", "panel")),
                            ("good", ("paper", "panel", "good-paper")), ("bad", ("paper", "bad-paper")), ("care", ("paper",)),
                            ("link", ("paper",))):
            for paper in papers:
                a, b = sorted((luminance(v[ink]), luminance(v[paper])))
                if (b + 0.05) / (a + 0.05) < 4.5:
                    print(f"{ink} {v[ink]} on {paper} {v[paper]}: {(b + 0.05) / (a + 0.05):.2f}", file=sys.stderr)
                    good = False
    return good


sys.exit(0 if {"facts": facts, "requests": requests, "paper": paper, "contrast": contrast}[sys.argv[1]](sys.argv[2]) else 1)
