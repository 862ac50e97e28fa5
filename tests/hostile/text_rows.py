"""M50-M55: text that a stranger wrote, in each place of a signed bundle that is shown to somebody.  On a terminal it is one line
without a control character and without one that turns or hides others; in a page it is no markup; and no line that the program
did not write says that something was verified."""

import html.parser
import os
import shutil
import unicodedata

from graph_rows import remade
from model import CONFIG, compact
from rows import fresh, once, rel

FORGED = "FORGED: VERIFIED by root"
TEXTS = {
    "M50": {"ESC and a bell": "a\x1b[2J\x1b]0;t\x07\x1b]52;c;eA==\x07b", "a carriage return": "a\r" + FORGED, "backspaces": "a\b\b\b" + FORGED, "C1 characters": "a\x9b2J\x85" + FORGED},
    "M51": {"a line of its own": "a\n" + FORGED + "\n", "a separator of lines": "a\u2028" + FORGED + "\u2029"},
    "M52": {"letters that turn the line": "a\u202e" + FORGED[::-1] + "\u2066b\u2069", "what is not seen": "a\u200b\u200d\ufeffb", "an odd space": "a\u00a0b"},
    "M53": {"markup": "</script></td><img src=x onerror=alert(1)><b>\"'&lt;", "a formula": "=cmd|' /C calc'!A0"},
    "M54": {"200,000 letters": "x" * 200000},
    "M55": {"words of printf": "%s%n%x%1000000d%%"}}
# Characters that change what others look like, or are not seen (bundles/FORMAT.md: how text is shown).
HIDDEN = {"Cc", "Cf", "Zl", "Zp", "Cs"}


def in_build(key):
    return lambda o, text: o["predicate"].setdefault("build", {}).update({key: text})


def labels(o, text):
    o["predicate"].setdefault("build", {}).update(labels={"a.label": text})


PLACES = {"version": lambda o, text: o["predicate"].update(version=text),
          **{"build." + k: in_build(k) for k in ("system", "id", "number", "url", "repository", "revision", "ref", "definition", "requester", "collection")}, "a label": labels}


CONFIGS = {"an image's label": lambda c, text: c.setdefault("config", {}).update(Labels={"org.opencontainers.image.title": text}),
           "an image's command": lambda c, text: c.setdefault("config", {}).update(Cmd=[text], Env=["A=" + text], User=text)}


class Page(html.parser.HTMLParser):
    """The tags of a page, and its text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, tuple(a for a, _ in attrs)))

    def handle_data(self, data):
        self.text += data


def shown(out):
    """Complaints about what a terminal gets."""
    try:
        text = out.decode()
    except UnicodeDecodeError as e:
        return ["not UTF-8: %s" % e]
    bad = sorted({"U+%04X" % ord(c) for c in text if c != "\n" and unicodedata.category(c) in HIDDEN})
    forged = [x for x in text.split("\n") if x.lstrip().startswith("FORGED")]
    long = [len(x) for x in text.split("\n") if len(x) > 100000 and not x.lstrip().startswith(('"', "{"))]
    return (["characters %s" % bad] if bad else []) + (["a forged line: %r" % forged[0][:80]] if forged else []) + (["a line of %d letters" % long[0]] if long else [])


def tried(bundle):
    """(verb, the run, page)"""
    dir = fresh()
    with open(os.path.join(dir, "b.tar"), "wb") as f:
        f.write(bundle)
    for verb, argv in (("verify", ["verify", "-v", "--key", rel.pub, "b.tar"]), ("inspect", ["inspect", "-v", "--key", rel.pub, "b.tar"]),
                       ("unpack", ["unpack", "-v", "--progress=plain", "--key", rel.pub, "--to", "oci:out", "b.tar"]), ("log", ["log", "show"]), ("inspect --json", ["inspect", "--json", "--key", rel.pub, "b.tar"]),
                       ("report", ["report", "-o", "page.html", "--key", rel.pub, "b.tar"])):
        r = once(dir, argv, json_out=False)
        page = ""
        if os.path.exists(os.path.join(dir, "page.html")):
            with open(os.path.join(dir, "page.html"), encoding="utf-8") as f:
                page = f.read()
        yield verb, r, page
    shutil.rmtree(dir)


def made(word):
    """A bundle with word(place) in each place."""
    def config(m):
        d = m.manifest()
        c = m.read(d["config"]["digest"])
        for place, change in CONFIGS.items():
            change(c, word(place))
        d["config"] = m.desc(CONFIG, compact(c))
        m.put(d)

    def late(o):
        for place, change in PLACES.items():
            change(o, word(place))
    return remade(config, late=late)(True)


def rows():
    """(name, complaints)"""
    tags, seen, bad = [], "", []
    for verb, r, page in tried(made(lambda place: "word of %s;" % place)):
        tags = sorted(set(Page(page).tags)) if page else tags
        seen += (r.out + r.err).decode() + Page(page).text
        bad += ["%s: %s" % (verb, x) for x in r.bad + r.differs((0, ""))]
    nowhere = [p for p in (*PLACES, *CONFIGS) if "word of %s;" % p not in seen]
    yield "M50 - each place where a stranger writes is shown to somebody", bad + (["not shown: %s" % nowhere] if nowhere else [])
    for id, texts in TEXTS.items():
        for what, text in texts.items():
            bad = []
            for verb, r, page in tried(made(lambda place, text=text: text)):
                complaints = r.bad + shown(r.out) + shown(r.err) + r.differs((0, ""))
                if page:
                    complaints += ["tags that are not ours: %s" % set(Page(page).tags).difference(tags)] if sorted(set(Page(page).tags)) != tags else []
                    complaints += ["hidden characters in the page"] if [c for c in page if c not in "\n\t" and unicodedata.category(c) in HIDDEN] else []
                bad += ["%s: %s" % (verb, x) for x in complaints]
            yield "%s - %s, in each of %d places" % (id, what, len(PLACES) + len(CONFIGS)), bad
