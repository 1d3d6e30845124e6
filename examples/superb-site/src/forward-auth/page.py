"""A page in another language. It knows nothing of sessions: the proxy in front says who is there."""

from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>A page in Python</title>
<h1>A page in Python</h1>
<p>You are <strong id="user">{user}</strong>, says the header <code>X-Auth-User</code>.</p>
<form method="post" action="/.coatcheck/logout?return_to=/"><button type="submit">Sign out</button></form>
<p><a href="/">The static page</a></p>
</html>
"""


class Page(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        user = unquote(self.headers.get("X-Auth-User", ""))
        if user == "":
            # Nobody came through the proxy.
            self.answer(403, "text/plain", "Ask the proxy in front of me.\n")
            return
        self.answer(200, "text/html", PAGE.format(user=escape(user)))

    def answer(self, status, kind, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind + "; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "private, no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
print(server.server_address[1], flush=True)
server.serve_forever()
