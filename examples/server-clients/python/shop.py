"""A little shop whose sessions are coatcheck's: login, visits, step-up and logout."""

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

from coatcheck import Coatcheck

ORIGIN = os.environ.get("ORIGIN", "http://localhost:8000")
PASSWORDS = {"ada": "correct horse"}  # yours: a table of hashes
coatcheck = Coatcheck(os.environ["COATCHECK_URL"], os.environ["COATCHECK_KEY"])


class Shop(BaseHTTPRequestHandler):
    def do_GET(self):
        visit = coatcheck.validate(self.exchange())
        if not visit["valid"]:
            return self.answer(200, "Hello, visitor.", visit)
        changed = coatcheck.change(visit["session"]["id"], {"op": "add", "field": "visits", "amount": 1})
        self.answer(200, f"Hello, {visit['session']['userId']}. Visit {changed['data']['visits']}.", visit)

    def do_POST(self):
        form = parse_qs(self.rfile.read(int(self.headers.get("content-length", 0))).decode())
        act = {"/login": self.log_in, "/confirm": self.confirm, "/logout": self.log_out}.get(self.path)
        if act is None:
            return self.answer(404, "Not found.")
        act(form.get("name", [""])[0], form.get("password", [""])[0])

    def log_in(self, name, password):
        attempt = coatcheck.begin_login(name) if name in PASSWORDS else None
        if attempt is None or PASSWORDS[name] != password:
            return self.answer(401, "Wrong name or password.")
        login = coatcheck.login(self.exchange(), name, methods=["pwd"], attempt=attempt)
        self.redirect_or_refuse(login)

    def confirm(self, name, password):
        if PASSWORDS.get(name) != password:
            return self.answer(401, "Wrong name or password.")
        visit = coatcheck.validate(self.exchange())
        if not visit["valid"] or visit["session"]["userId"] != name:
            return self.answer(401, "Sign in first.", visit)
        self.redirect_or_refuse(coatcheck.step_up(self.exchange(), methods=["pwd"], level="aal1"))

    def log_out(self, _name, _password):
        self.redirect_or_refuse(coatcheck.logout(self.exchange()))

    def exchange(self):
        """This request, all headers as they came: coatcheck reads the cookie, and who sent it."""
        headers = {name: self.headers.get_all(name) for name in self.headers.keys()}
        url = ORIGIN + self.path
        return {"method": self.command, "url": url, "headers": headers, "clientAddress": self.client_address[0]}

    def redirect_or_refuse(self, verdict):
        if verdict["valid"]:
            self.answer(303, "", verdict, location="/")
        else:
            self.answer(verdict["status"], f"Refused: {verdict['reason']}.", verdict)

    def answer(self, status, text, verdict=None, location=None):
        self.send_response(status)
        for header in verdict["headers"] if verdict else []:
            self.send_header(header["name"], header["value"])
        if location:
            self.send_header("location", location)
        body = text.encode()
        self.send_header("content-type", "text/plain; charset=utf-8")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8000"))), Shop)
    print(f"listening on {server.server_address[1]}", flush=True)
    server.serve_forever()
