"""Google's own client of Secret Manager.

    gcp_sdk.py URL CREDENTIALS put NAME VALUE      a new secret, if there is none of this name, and a version of it, in the project `p`
    gcp_sdk.py URL CREDENTIALS get NAME VERSION    a version of it
    gcp_sdk.py URL CREDENTIALS delete NAME         the secret with all its versions
    gcp_sdk.py URL CREDENTIALS list                the names of all secrets

CREDENTIALS is a file. Prints what came of it as one JSON object: the name of the version and the fingerprint of the value, the names, or the name of the error.
"""

import hashlib
import json
import sys
from pathlib import Path

from google.api_core.exceptions import GoogleAPICallError, NotFound
from google.auth import identity_pool
from google.auth.exceptions import GoogleAuthError
from google.cloud import secretmanager_v1
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import SecretManagerServiceRestTransport
from google.oauth2 import service_account


def put(client, name: str, value: str) -> str:
    secret = f"projects/p/secrets/{name}"
    try:
        client.access_secret_version(name=f"{secret}/versions/latest")
    except NotFound:
        client.create_secret(parent="projects/p", secret_id=name, secret={"replication": {"automatic": {}}})
    return client.add_secret_version(parent=secret, payload={"data": value.encode()}).name


def shown(client, version: str) -> dict:
    answer = client.access_secret_version(name=version)
    return {"name": answer.name, "sha256": hashlib.sha256(answer.payload.data).hexdigest()}


match sys.argv[1:]:
    case [url, file, "put", name, value]:
        action = lambda client: shown(client, put(client, name, value))
    case [url, file, "get", name, version]:
        action = lambda client: shown(client, f"projects/p/secrets/{name}/versions/{version}")
    case [url, file, "delete", name]:
        action = lambda client: client.delete_secret(name=f"projects/p/secrets/{name}") or {}
    case [url, file, "list"]:
        action = lambda client: {"names": [secret.name for secret in client.list_secrets(parent="projects/p")]}
    case _:
        sys.exit(__doc__)

kind = json.loads(Path(file).read_text())["type"]
maker = {"service_account": service_account.Credentials.from_service_account_file, "external_account": identity_pool.Credentials.from_file}[kind]
credentials = maker(file, scopes=["https://www.googleapis.com/auth/cloud-platform"])
transport = SecretManagerServiceRestTransport(host=url.removeprefix("http://"), url_scheme="http", credentials=credentials)
client = secretmanager_v1.SecretManagerServiceClient(transport=transport)
try:
    print(json.dumps(action(client)))
except (GoogleAPICallError, GoogleAuthError) as error:
    print(json.dumps({"error": type(error).__name__}))
