"""Microsoft's own client of Azure Key Vault.

    azure_sdk.py URL CA put NAME VALUE    a new version of a secret
    azure_sdk.py URL CA get NAME          its newest version
    azure_sdk.py URL CA delete NAME       all of its versions, which can be had back
    azure_sdk.py URL CA recover NAME      has them back
    azure_sdk.py URL CA list              the names of all secrets

Prints what came of it as one JSON object: the version and the fingerprint of the value, the names, or the name of the error.
"""

import hashlib
import json
import sys

from azure.core.exceptions import AzureError
from azure.identity import ClientSecretCredential
from azure.keyvault.secrets import SecretClient


def shown(secret) -> dict:
    return {"version": secret.properties.version, "sha256": hashlib.sha256(secret.value.encode()).hexdigest()}


match sys.argv[1:]:
    case [url, ca, "put", name, value]:
        action = lambda client: shown(client.set_secret(name, value))
    case [url, ca, "get", name]:
        action = lambda client: shown(client.get_secret(name))
    case [url, ca, "delete", name]:
        action = lambda client: {"removed": client.begin_delete_secret(name, _polling_interval=0).result().name}
    case [url, ca, "recover", name]:
        action = lambda client: {"version": client.begin_recover_deleted_secret(name, _polling_interval=0).result().version}
    case [url, ca, "list"]:
        action = lambda client: {"names": [secret.name for secret in client.list_properties_of_secrets()]}
    case _:
        sys.exit(__doc__)

# TENANT and secret of servers/azure.py.
credential = ClientSecretCredential(
    "11111111-1111-1111-1111-111111111111",
    "door",
    "door-client-secret",
    authority=url,
    disable_instance_discovery=True,
    connection_verify=ca,
)
client = SecretClient(url, credential, verify_challenge_resource=False, connection_verify=ca)
try:
    print(json.dumps(action(client)))
except AzureError as error:
    print(json.dumps({"error": type(error).__name__}))
