"""Microsoft's own client of Azure Key Vault.

    azure_sdk.py URL CA put NAME VALUE    a new version of a secret
    azure_sdk.py URL CA get NAME          its newest version

Prints what came of it as one JSON object: the version and the fingerprint of the value, or the name of the error.
"""

import hashlib
import json
import sys

from azure.core.exceptions import AzureError
from azure.identity import ClientSecretCredential
from azure.keyvault.secrets import SecretClient

match sys.argv[1:]:
    case [url, ca, "put", name, value]:
        action = lambda client: client.set_secret(name, value)
    case [url, ca, "get", name]:
        action = lambda client: client.get_secret(name)
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
    secret = action(client)
    print(json.dumps({"version": secret.properties.version, "sha256": hashlib.sha256(secret.value.encode()).hexdigest()}))
except AzureError as error:
    print(json.dumps({"error": type(error).__name__}))
