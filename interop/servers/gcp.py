"""Google Secret Manager and the token services beside it, as far as reading and writing secrets goes. `drivers/gcp_sdk.py`, Google's own client, is the judge of
whether it is like the real ones.

    gcp.py FOLDER    on 127.0.0.1; the first line on stdout is a JSON object with its URL. Files of credentials for it are written into FOLDER:
                     service.json (a service account), wrong.json (with a key that is not its own), federated.json (a token in a file) and
                     acting.json (the same, acting as a service account)

The metadata server of a machine is there too. The service account `stranger` (stranger.json) may read nothing.
"""

import base64
import json
import secrets
import sys
import time
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
IAM_SCOPE = "https://www.googleapis.com/auth/iam"
AUDIENCE = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/cluster"
ACTING = "acting@p.iam.gserviceaccount.com"
FEDERATED_TOKEN = "federated-token"

versions: dict[str, list[bytes]] = {}
keys: dict[str, rsa.RSAPublicKey] = {}
holders: dict[str, str] = {}


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def new_token(holder: str) -> dict:
    token = secrets.token_hex(16)
    holders[token] = holder
    return {"access_token": token, "expires_in": 3599, "token_type": "Bearer"}


class Google(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status: int, body: dict) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def refuse(self, status: int, word: str) -> None:
        said = f"{word}, with {self.headers.get('Authorization')}"
        self.answer(status, {"error": {"code": status, "message": said, "status": word}})

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def holder(self) -> str | None:
        return holders.get((self.headers.get("Authorization") or "").removeprefix("Bearer "))

    def do_POST(self) -> None:
        url, body = urlsplit(self.path), self.body()
        match url.path.strip("/").split("/"):
            case ["token"]:
                self.service_account(parse_qs(body.decode()))
            case ["sts"]:
                self.exchange(parse_qs(body.decode()))
            case ["v1", "projects", "-", "serviceAccounts", who] if who == f"{ACTING}:generateAccessToken":
                self.act(json.loads(body))
            case ["v1", "projects", project, "secrets"]:
                if self.may_come_in():
                    name = parse_qs(url.query)["secretId"][0]
                    if name in versions:
                        return self.refuse(409, "ALREADY_EXISTS")
                    versions[name] = []
                    self.answer(200, {"name": f"projects/{project}/secrets/{name}", "replication": {"automatic": {}}})
            case ["v1", "projects", project, "secrets", name] if name.endswith(":addVersion"):
                if self.may_come_in():
                    self.add(project, name.removesuffix(":addVersion"), json.loads(body)["payload"])
            case _:
                self.refuse(404, "NOT_FOUND")

    def do_DELETE(self) -> None:
        match urlsplit(self.path).path.strip("/").split("/"):
            case ["v1", "projects", _, "secrets", name]:
                if self.may_come_in():
                    if versions.pop(name, None) is None:
                        return self.refuse(404, "NOT_FOUND")
                    self.answer(200, {})
            case _:
                self.refuse(404, "NOT_FOUND")

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        match url.path.strip("/").split("/"):
            case ["computeMetadata", "v1", "instance", "service-accounts", "default", "token"]:
                if self.headers.get("Metadata-Flavor") != "Google":
                    return self.refuse(403, "PERMISSION_DENIED")
                self.answer(200, new_token("machine"))
            case ["v1", "projects", project, "secrets"]:
                if self.may_come_in():
                    self.list(project, parse_qs(url.query))
            case ["v1", "projects", project, "secrets", name, "versions", version] if version.endswith(":access"):
                if self.may_come_in():
                    self.access(project, name, version.removesuffix(":access"))
            case _:
                self.refuse(404, "NOT_FOUND")

    def service_account(self, form: dict) -> None:
        """RFC 7523: a JWT that the account's own key has signed."""
        try:
            assertion = form["assertion"][0]
            issuer = jwt.decode(assertion, options={"verify_signature": False})["iss"]
            # Google's own client names Google's token service, wherever it sends the assertion.
            audiences = [f"{self.server.url}/token", "https://oauth2.googleapis.com/token"]
            claims = jwt.decode(assertion, keys[issuer], algorithms=["RS256"], audience=audiences, options={"require": ["exp", "iat"]})
            good = form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"] and claims["scope"] == SCOPE
        except (KeyError, jwt.InvalidTokenError):
            good = False
        if not good:
            return self.answer(400, {"error": "invalid_grant", "error_description": f"Invalid JWT: {form.get('assertion')}"})
        self.answer(200, new_token(issuer))

    def exchange(self, form: dict) -> None:
        """RFC 8693: a token of elsewhere. Whoever will act as a service account may ask for less."""
        wanted = {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "audience": AUDIENCE,
            "requested_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "subject_token": FEDERATED_TOKEN,
        }
        if any(form.get(name) != [value] for name, value in wanted.items()) or form.get("scope") not in ([SCOPE], [IAM_SCOPE]):
            return self.answer(400, {"error": "invalid_grant", "error_description": f"refused: {form.get('subject_token')}"})
        self.answer(200, {**new_token("federated"), "issued_token_type": "urn:ietf:params:oauth:token-type:access_token"})

    def act(self, asked: dict) -> None:
        if self.holder() != "federated" or asked.get("scope") != [SCOPE]:
            return self.refuse(403, "PERMISSION_DENIED")
        ends = datetime.fromtimestamp(time.time() + 3600, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.answer(200, {"accessToken": new_token(ACTING)["access_token"], "expireTime": ends})

    def may_come_in(self) -> bool:
        holder = self.holder()
        if holder is None:
            self.refuse(401, "UNAUTHENTICATED")
        elif holder.startswith("stranger"):
            self.refuse(403, "PERMISSION_DENIED")
        return holder is not None and not holder.startswith("stranger")

    def add(self, project: str, name: str, payload: dict) -> None:
        data = base64.b64decode(payload["data"])
        if name not in versions:
            return self.refuse(404, "NOT_FOUND")
        if "dataCrc32c" in payload and int(payload["dataCrc32c"]) != crc32c(data):
            return self.refuse(400, "INVALID_ARGUMENT")
        versions[name].append(data)
        self.answer(200, {"name": f"projects/{project}/secrets/{name}/versions/{len(versions[name])}", "state": "ENABLED"})

    def list(self, project: str, query: dict) -> None:
        """Two a page, however many are asked for: Google may give fewer too."""
        names, start = sorted(versions), int(query.get("pageToken", ["0"])[0])
        page = [{"name": f"projects/{project}/secrets/{name}"} for name in names[start : start + 2]]
        more = {"nextPageToken": str(start + 2)} if start + 2 < len(names) else {}
        self.answer(200, {"secrets": page, "totalSize": len(names), **more})

    def access(self, project: str, name: str, version: str) -> None:
        known = versions.get(name, [])
        number = len(known) if version == "latest" else int(version)
        if not 1 <= number <= len(known):
            return self.refuse(404, "NOT_FOUND")
        data = known[number - 1]
        payload = {"data": base64.b64encode(data).decode(), "dataCrc32c": str(crc32c(data))}
        self.answer(200, {"name": f"projects/{project}/secrets/{name}/versions/{number}", "payload": payload})

    def log_message(self, *_: object) -> None:
        pass


def new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def service_account(url: str, name: str, key: rsa.RSAPrivateKey) -> dict:
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return {
        "type": "service_account",
        "project_id": "p",
        "private_key_id": "k1",
        "private_key": pem.decode(),
        "client_email": f"{name}@p.iam.gserviceaccount.com",
        "token_uri": f"{url}/token",
    }


def write_credentials(folder: Path, url: str) -> None:
    token = folder / "token"
    federated = {
        "type": "external_account",
        "audience": AUDIENCE,
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": f"{url}/sts",
        "credential_source": {"file": str(token)},
    }
    acting = {**federated, "service_account_impersonation_url": f"{url}/v1/projects/-/serviceAccounts/{ACTING}:generateAccessToken"}
    door, stranger = new_key(), new_key()
    keys["door@p.iam.gserviceaccount.com"] = door.public_key()
    keys["stranger@p.iam.gserviceaccount.com"] = stranger.public_key()
    files = {
        "service.json": service_account(url, "door", door),
        "wrong.json": service_account(url, "door", stranger),
        "stranger.json": service_account(url, "stranger", stranger),
        "federated.json": federated,
        "acting.json": acting,
    }
    token.write_text(FEDERATED_TOKEN)
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content))
        (folder / name).chmod(0o600)


if len(sys.argv) != 2:
    sys.exit(__doc__)
google = ThreadingHTTPServer(("127.0.0.1", 0), Google)
google.url = f"http://127.0.0.1:{google.server_port}"
write_credentials(Path(sys.argv[1]), google.url)
print(json.dumps({"url": google.url}), flush=True)
google.serve_forever()
