"""The session API of coatcheck, with the standard library alone."""

import json
import urllib.request
from urllib.parse import quote


class Coatcheck:
    def __init__(self, url, key):
        self.url = url
        self.key = key

    def validate(self, exchange):
        return self.call("POST", "/v1/sessions/validate", {"exchange": exchange})

    def begin_login(self, user_id):
        return self.call("POST", f"/v1/users/{quote(user_id, safe='')}/login-attempts")["attempt"]

    def login(self, exchange, user_id, **more):
        return self.call("POST", "/v1/sessions", {"exchange": exchange, "userId": user_id, **more})

    def step_up(self, exchange, **more):
        return self.call("POST", "/v1/sessions/reauthenticate", {"exchange": exchange, **more})

    def logout(self, exchange):
        return self.call("POST", "/v1/sessions/logout", {"exchange": exchange})

    def change(self, session_id, *operations):
        return self.call("PATCH", f"/v1/sessions/{session_id}/data", {"operations": operations})

    def call(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        headers = {"x-api-key": self.key, "content-type": "application/json"}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=5) as response:
            return json.loads(response.read() or b"null")
