"""Answers of coatcheck kept in this process, and dropped when they change: the recipe of docs/guides/session-api.md."""

import hashlib
import http.client
import json
import threading
import time
import urllib.request
import uuid

LEASE = 1.0  # seconds that an answer may be behind
LONGEST = 60.0  # seconds that one is kept
NEVER = float("-inf")


class Fill:
    """A question under way, and what has changed since it was asked."""

    def __init__(self):
        self.sessions, self.users, self.reset = set(), set(), False

    def overtakes(self, session):
        return self.reset or session["id"] in self.sessions or session["userId"] in self.users


class NearCoatcheck:
    def __init__(self, coatcheck):
        self.coatcheck = coatcheck
        self.lock = threading.Lock()
        self.entries = {}  # by a hash of what the visitor presented: the answer, and until when it is kept
        self.fills = set()
        self.stream = None
        self.sent = {}  # probes on their way, and when they were sent
        self.proven_at = NEVER
        self.hits = 0
        for work in (self.follow, self.probe):
            threading.Thread(target=work, daemon=True).start()

    def validate(self, exchange):
        # The source of a request that changes something is judged each time.
        key = key_of(exchange) if exchange["method"] in ("GET", "HEAD") else None
        fill = Fill()
        asked = time.monotonic()
        with self.lock:
            answer, until = self.entries.get(key, (None, NEVER))
            if asked < until and asked - self.proven_at < LEASE:
                self.hits += 1
                return answer
            self.fills.add(fill)
        try:
            question = {"exchange": exchange, "consistency": "strong"}
            answer = self.coatcheck.call("POST", "/v1/sessions/validate", question)
            with self.lock:
                if key and is_for_any_response(answer) and not fill.overtakes(answer["session"]):
                    left = min(answer["remaining"].values()) / 1000
                    self.entries[key] = (answer, asked + min(left, LONGEST))
            return answer
        finally:
            with self.lock:
                self.fills.discard(fill)

    def follow(self):
        while True:
            try:
                self.read_stream()
            except (OSError, http.client.HTTPException):
                pass
            with self.lock:
                self.begin(None)
            time.sleep(1)

    def read_stream(self):
        headers = {"x-api-key": self.coatcheck.key}
        request = urllib.request.Request(self.coatcheck.url + "/v1/changes", headers=headers)
        with urllib.request.urlopen(request, timeout=15) as stream:  # something comes every ten seconds
            event = None
            for line in stream:
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name == "event":
                    event = value
                elif name == "data":
                    with self.lock:
                        self.heard(event, json.loads(value))

    def heard(self, event, data):
        if event == "open":
            self.begin(data["stream"])
        elif event == "changed":
            self.drop(set(data["sessions"]), set(data["users"]))
        elif event == "reset":
            self.drop_all()
        elif event == "probe":
            self.proven_at = max(self.proven_at, self.sent.pop(data["probe"], NEVER))

    def begin(self, stream):
        self.stream, self.sent, self.proven_at = stream, {}, NEVER
        self.drop_all()

    def drop(self, sessions, users):
        for fill in self.fills:
            fill.sessions |= sessions
            fill.users |= users
        for key, (answer, _) in list(self.entries.items()):
            session = answer["session"]
            if session["id"] in sessions or session["userId"] in users:
                del self.entries[key]

    def drop_all(self):
        self.entries.clear()
        for fill in self.fills:
            fill.reset = True

    def probe(self):
        while True:
            with self.lock:
                stream, name = self.stream, uuid.uuid4().hex
                self.sent = {probe: at for probe, at in self.sent.items() if time.monotonic() - at < LEASE}
                self.sent[name] = time.monotonic()
            try:
                if stream:
                    self.coatcheck.call("POST", f"/v1/changes/{stream}/probe", {"probe": name})
            except OSError:
                pass
            time.sleep(LEASE / 4)


def is_for_any_response(answer):
    return answer["valid"] and not answer["setCookie"] and not answer["deleteCookie"] and not answer["token"]


def key_of(exchange):
    names = ("cookie", "authorization")
    presented = {name.lower(): value for name, value in exchange["headers"].items() if name.lower() in names}
    origin = exchange["url"].split("/")[:3]
    return hashlib.sha256(json.dumps([origin, presented], sort_keys=True).encode()).digest()
