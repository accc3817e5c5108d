#!/usr/bin/env python3
"""The page's files over HTTP: types, headers, entity tags. What a browser makes of them: tests/page."""

import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import tap
from daemon import ROOT, Daemon

WEB = os.path.join(ROOT, "daemon", "http", "web")
TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
         ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}


def files():
    """=> path of each file of the page, and its bytes."""
    names = sorted(os.listdir(WEB))
    tap.check("index.html" in names and len(names) > 5, f"the page's files: {names}")
    for path, name in [("/", "index.html"), *((f"/web/{name}", name) for name in names)]:
        with open(os.path.join(WEB, name), "rb") as file:
            yield path, file.read(), TYPES[os.path.splitext(name)[1]]


def test_every_file_is_served_as_it_is():
    with Daemon() as d:
        for path, data, kind in files():
            reply = d.get(path)
            tap.equal((200, kind), (reply.status, reply.headers["Content-Type"]), path)
            tap.equal(data, reply.body, f"body of {path}")
            head = d.get(path, method="HEAD")
            tap.equal((200, b""), (head.status, head.body), f"HEAD {path}")
            tap.equal(str(len(data)), head.headers["Content-Length"], f"length of HEAD {path}")


def test_headers_shut_everything_else_out():
    with Daemon() as d:
        for path, _, _ in files():
            headers = d.get(path).headers
            policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
            tap.equal("'none'", policy["default-src"], f"default-src of {path}")
            tap.equal("'none'", policy["frame-ancestors"], f"frame-ancestors of {path}")
            tap.equal({"'none'", "'self'", "'script'", "atomicstats"}, set(policy.values()), f"all that {path} allows")
            tap.equal(("nosniff", "no-referrer", "no-cache"),
                      tuple(headers[name] for name in ("X-Content-Type-Options", "Referrer-Policy", "Cache-Control")), path)


def test_what_a_browser_has_is_not_sent_again():
    with Daemon() as d:
        tags = {}
        for path, data, _ in files():
            tag = d.get(path).headers["ETag"]
            tap.check(re.fullmatch(r'"[0-9a-f]{16}"', tag), f"ETag of {path}: {tag}")
            tags.setdefault(tag, data)
            tap.equal(tags[tag], data, f"bytes that have the tag {tag}")
            for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
                for method in ("GET", "HEAD"):
                    reply = d.get(path, method=method, headers={"If-None-Match": known})
                    tap.equal((304, b"", tag), (reply.status, reply.body, reply.headers["ETag"]),
                              f"{method} {path} with If-None-Match: {known}")
            for other in ('"0000000000000000"', tag.strip('"'), ""):
                reply = d.get(path, headers={"If-None-Match": other})
                tap.equal((200, data), (reply.status, reply.body), f"{path} with If-None-Match: {other}")
        tap.equal(200, d.get("/stats", headers={"If-None-Match": "*"}).status, "/stats, which has no tag")


def test_nothing_else_is_there():
    with Daemon() as d:
        for path in ("/web", "/web/", "/web/none.js", "/web/../routes.c", "/web/%2e%2e/routes.c", "/web//main.js",
                     "/web/main.js/", "/web/MAIN.JS", "/index.html", "/favicon.ico"):
            tap.equal(404, d.get(path).status, f"status of {path}")
        for path in ("/", "/web/main.js"):
            reply = d.get(path, method="POST", body=b"x")
            tap.equal((405, "GET, HEAD"), (reply.status, reply.headers["Allow"]), f"POST {path}")
        tap.equal(200, d.get("/?x=y").status, "/ with a query")


def test_the_page_names_no_other_place():
    for path, data, _ in files():
        hosts = set(re.findall(rb"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}[^\s\"')]*", data)) - {b"http://www.w3.org/2000/svg"}
        tap.equal(set(), hosts, f"addresses in {path}")


if __name__ == "__main__":
    tap.main(globals())
