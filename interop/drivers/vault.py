"""hvac, the Python client of HashiCorp Vault, told to set one up and to use it.

    vault.py URL

The token is in the variable TOKEN. On stdout: one JSON object with what another client needs to find the same. A Vault that does not answer as hvac
expects ends it with an error.
"""

import json
import os
import sys

import hvac
from hvac.exceptions import Forbidden, InvalidPath, InvalidRequest, VaultDown

URL = sys.argv[1]


def client(token=None):
    return hvac.Client(url=URL, token=token)


def refused(error, call, *arguments, **settings):
    try:
        call(*arguments, **settings)
    except error:
        return
    raise SystemExit(f"{call.__qualname__} was not refused with {error.__name__}")


root = client(os.environ["TOKEN"])
assert root.is_authenticated() and root.sys.is_initialized() and not root.sys.is_sealed()
assert not client("wrong").is_authenticated()

# Secrets with versions.
kv2 = root.secrets.kv.v2
for value in ["one", "two", "three"]:
    kv2.create_or_update_secret("github", {"token": value}, mount_point="secret")
newest = kv2.read_secret_version("github", mount_point="secret", raise_on_deleted_version=True)["data"]
assert (newest["data"], newest["metadata"]["version"]) == ({"token": "three"}, 3)
first = kv2.read_secret_version("github", version=1, mount_point="secret", raise_on_deleted_version=True)["data"]
assert (first["data"], first["metadata"]["version"]) == ({"token": "one"}, 1)
kv2.destroy_secret_versions("github", [2], mount_point="secret")
refused(InvalidPath, kv2.read_secret_version, "github", version=2, mount_point="secret", raise_on_deleted_version=True)
kv2.create_or_update_secret("gone", {"token": "x"}, mount_point="secret")
kv2.delete_latest_version_of_secret("gone", mount_point="secret")
refused(InvalidPath, kv2.read_secret_version, "gone", mount_point="secret", raise_on_deleted_version=True)
deleted = kv2.read_secret_version("gone", mount_point="secret", raise_on_deleted_version=False)["data"]
assert deleted["data"] is None and deleted["metadata"]["deletion_time"]
refused(InvalidPath, kv2.read_secret_version, "never", mount_point="secret", raise_on_deleted_version=True)

# Only if nobody else has written; and what is there.
refused(InvalidRequest, kv2.create_or_update_secret, "github", {"token": "late"}, cas=2, mount_point="secret")
assert kv2.create_or_update_secret("checked", {"token": "x"}, cas=0, mount_point="secret")["data"]["version"] == 1
refused(InvalidRequest, kv2.create_or_update_secret, "checked", {"token": "y"}, cas=0, mount_point="secret")
kv2.create_or_update_secret("team/inner", {"token": "x"}, mount_point="secret")
assert kv2.list_secrets("", mount_point="secret")["data"]["keys"] == ["checked", "github", "gone", "team/"]
assert kv2.list_secrets("team", mount_point="secret")["data"]["keys"] == ["inner"]
refused(InvalidPath, kv2.list_secrets, "never", mount_point="secret")

# Secrets without.
kv1 = root.secrets.kv.v1
kv1.create_or_update_secret("brave", {"key": "k-1"}, mount_point="kv")
assert kv1.read_secret("brave", mount_point="kv")["data"] == {"key": "k-1"}
refused(InvalidPath, kv1.read_secret, "never", mount_point="kv")
assert kv1.list_secrets("", mount_point="kv")["data"]["keys"] == ["brave"]

# A login by AppRole with a wrapped secret id; the token is renewed and ended.
approle = root.auth.approle
approle.create_or_update_approle("door", token_ttl="1h", token_max_ttl="4h")
role_id = approle.read_role_id("door")["data"]["role_id"]
secret_id = approle.generate_secret_id("door")["data"]["secret_id"]
wrapping = approle.generate_secret_id("door", wrap_ttl="60s")["wrap_info"]
assert wrapping["creation_path"] == "auth/approle/role/door/secret-id"
unwrapped = client(wrapping["token"]).sys.unwrap()["data"]["secret_id"]
refused(InvalidRequest, client(wrapping["token"]).sys.unwrap)
refused(InvalidRequest, client().auth.approle.login, role_id, "wrong")
door = client()
assert door.auth.approle.login(role_id, unwrapped)["auth"]["lease_duration"] == 3600
assert door.auth.token.lookup_self()["data"]["renewable"] is True
assert door.auth.token.renew_self()["auth"]["client_token"] == door.token
refused(Forbidden, door.secrets.kv.v1.read_secret, "forbidden/a", mount_point="kv")

# Logins by JWT.
for login in [client().auth.kubernetes.login, client().auth.jwt.jwt_login]:
    refused(Forbidden, login, role="door", jwt="a.b.c")

# Credentials that are made, renewed and given back.
root.secrets.database.create_role("readonly", "db", ["CREATE ROLE"], default_ttl="1h", max_ttl="24h")
lent = door.secrets.database.generate_credentials("readonly")
assert lent["lease_duration"] == 3600 and lent["renewable"] and {"username", "password"} == set(lent["data"])
assert door.sys.read_lease(lent["lease_id"])["data"]["ttl"] == 3600
assert door.sys.renew_lease(lent["lease_id"], increment=7200)["lease_duration"] == 7200
door.sys.revoke_lease(lent["lease_id"])
refused(InvalidRequest, door.sys.renew_lease, lent["lease_id"])

# What belongs to a token ends with it.
lent = door.secrets.database.generate_credentials("readonly")
door.auth.token.revoke_self()
refused(Forbidden, door.secrets.kv.v1.read_secret, "brave", mount_point="kv")
refused(InvalidRequest, root.sys.renew_lease, lent["lease_id"])

# Sealed, and open again.
root.sys.seal()
refused(VaultDown, kv1.read_secret, "brave", mount_point="kv")
root.sys.submit_unseal_key("00")
assert kv1.read_secret("brave", mount_point="kv")["data"] == {"key": "k-1"}

print(json.dumps({"role_id": role_id, "secret_id": secret_id}))
