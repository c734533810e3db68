"""A vault of Azure Key Vault and the token service beside it, as far as reading and writing secrets goes. `drivers/azure_sdk.py`, Microsoft's own client, is the
judge of whether it is like the real ones.

    azure.py CERTIFICATE KEY    TLS on https://localhost; the first line on stdout is a JSON object with two URLs: of vault and tokens, and of the identity endpoint
                                that App Service gives its programs, over plain http on loopback

Who may come in: the application `door`, by a client secret or a federated token; the application `stranger`, by its secret, has a token that the vault takes for
nothing; the machine, by its identity header.
"""

import json
import secrets
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

TENANT = "11111111-1111-1111-1111-111111111111"
AUDIENCE = "https://vault.azure.net"
CLIENT_SECRETS = {"door": "door-client-secret", "stranger": "stranger-client-secret"}
FEDERATED_TOKEN = "federated-token"
IDENTITY_HEADER = "identity-header"
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

versions: dict[str, list[dict]] = {}
# What was removed and can be had back.
removed: dict[str, list[dict]] = {}
holders: dict[str, str] = {}


def new_token(client: str) -> str:
    token = secrets.token_hex(16)
    holders[token] = client
    return token


def who_asks(form: dict[str, str]) -> str | None:
    client = form.get("client_id", "")
    if form.get("client_secret") is not None and form["client_secret"] == CLIENT_SECRETS.get(client):
        return client
    if form.get("client_assertion_type") == JWT_BEARER and client == "door" and form.get("client_assertion") == FEDERATED_TOKEN:
        return client
    return None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status: int, body: dict, **headers: str) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(text)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def refuse(self, status: int, code: str, **headers: str) -> None:
        self.answer(status, {"error": {"code": code, "message": f"{code}, with {self.headers.get('Authorization')}"}}, **headers)

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def log_message(self, *_: object) -> None:
        pass


class Vault(Handler):
    def do_POST(self) -> None:
        match urlsplit(self.path).path.strip("/").split("/"):
            case ["deletedsecrets", name, "recover"]:
                self.body()
                if self.may_come_in():
                    if name not in removed:
                        return self.refuse(404, "SecretNotFound")
                    versions[name] = removed.pop(name)
                    self.show(["secrets", name])
            case _:
                self.give_token()

    def do_DELETE(self) -> None:
        if self.may_come_in():
            name = urlsplit(self.path).path.strip("/").split("/")[1]
            if name not in versions:
                return self.refuse(404, "SecretNotFound")
            removed[name] = versions.pop(name)
            self.show_removed(name)

    def give_token(self) -> None:
        form = {name: values[0] for name, values in parse_qs(self.body().decode()).items()}
        if urlsplit(self.path).path != f"/{TENANT}/oauth2/v2.0/token":
            return self.refuse(404, "NotFound")
        if form.get("grant_type") != "client_credentials" or form.get("scope") != f"{AUDIENCE}/.default":
            return self.answer(400, {"error": "invalid_scope", "error_description": "AADSTS70011", "error_codes": [70011]})
        client = who_asks(form)
        if client is None:
            # A careless service quotes what it was sent.
            said = f"AADSTS7000215: Invalid client secret provided: {form.get('client_secret')}"
            return self.answer(401, {"error": "invalid_client", "error_description": said, "error_codes": [7000215]})
        self.answer(200, {"token_type": "Bearer", "expires_in": 3599, "access_token": new_token(client)})

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path.endswith("/.well-known/openid-configuration"):
            tenant = f"{self.server.url}/{TENANT}"
            endpoints = {name: f"{tenant}/oauth2/v2.0/{name.split('_')[0]}" for name in ("token_endpoint", "authorization_endpoint")}
            return self.answer(200, {"issuer": f"{tenant}/v2.0", "jwks_uri": f"{tenant}/keys", **endpoints})
        if not self.may_come_in():
            return
        match path.strip("/").split("/"):
            case ["secrets"]:
                self.list(parse_qs(urlsplit(self.path).query))
            case ["deletedsecrets", name] if name in removed:
                self.show_removed(name)
            case parts:
                self.show(parts)

    def do_PUT(self) -> None:
        body = self.body()
        if self.may_come_in():
            name = urlsplit(self.path).path.strip("/").split("/")[1]
            if name in removed:
                return self.refuse(409, "Conflict")
            versions.setdefault(name, []).append({"version": secrets.token_hex(16), "value": json.loads(body)["value"], "at": int(time.time())})
            self.show(["secrets", name])

    def may_come_in(self) -> bool:
        client = holders.get((self.headers.get("Authorization") or "").removeprefix("Bearer "))
        if client is None:
            challenge = f'Bearer authorization="{self.server.url}/{TENANT}", resource="{AUDIENCE}"'
            self.refuse(401, "Unauthorized", **{"WWW-Authenticate": challenge})
        elif client == "stranger":
            self.refuse(403, "Forbidden")
        return client is not None and client != "stranger"

    def show(self, path: list[str]) -> None:
        kind, name, *rest = path
        known = versions.get(name, []) if kind == "secrets" else []
        found = known[-1:] if not rest else [one for one in known if one["version"] == rest[0]]
        if not found:
            return self.refuse(404, "SecretNotFound")
        attributes = {"enabled": True, "created": found[0]["at"], "updated": found[0]["at"], "recoveryLevel": "Recoverable"}
        self.answer(200, {"value": found[0]["value"], "id": f"{self.server.url}/secrets/{name}/{found[0]['version']}", "attributes": attributes})


    def show_removed(self, name: str) -> None:
        found = removed[name][-1]
        attributes = {"enabled": True, "created": found["at"], "updated": found["at"], "recoveryLevel": "Recoverable"}
        identity = {"id": f"{self.server.url}/secrets/{name}/{found['version']}", "recoveryId": f"{self.server.url}/deletedsecrets/{name}"}
        self.answer(200, {**identity, "deletedDate": found["at"], "scheduledPurgeDate": found["at"] + 90 * 86400, "attributes": attributes})

    def list(self, query: dict) -> None:
        """Two a page, however many are asked for."""
        names, start = sorted(versions), int(query.get("$skiptoken", ["0"])[0])
        page = [{"id": f"{self.server.url}/secrets/{name}", "attributes": {"enabled": True}} for name in names[start : start + 2]]
        more = f"{self.server.url}/secrets?$skiptoken={start + 2}" if start + 2 < len(names) else None
        self.answer(200, {"value": page, "nextLink": more})


class Machine(Handler):
    def do_GET(self) -> None:
        asked = parse_qs(urlsplit(self.path).query)
        if self.headers.get("X-IDENTITY-HEADER") != IDENTITY_HEADER or asked.get("resource") != [AUDIENCE]:
            return self.refuse(401, "Unauthorized")
        ends = str(int(time.time()) + 3600)
        self.answer(200, {"access_token": new_token("machine"), "expires_on": ends, "resource": AUDIENCE, "token_type": "Bearer"})


if len(sys.argv) != 3:
    sys.exit(__doc__)
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain(sys.argv[1], sys.argv[2])
vault = ThreadingHTTPServer(("127.0.0.1", 0), Vault)
vault.socket = tls.wrap_socket(vault.socket, server_side=True)
vault.url = f"https://localhost:{vault.server_port}"
machine = ThreadingHTTPServer(("127.0.0.1", 0), Machine)
threading.Thread(target=machine.serve_forever, daemon=True).start()
print(json.dumps({"url": vault.url, "identity": f"http://127.0.0.1:{machine.server_port}/msi/token"}), flush=True)
vault.serve_forever()
