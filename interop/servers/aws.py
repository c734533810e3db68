"""AWS Secrets Manager and its token service, as moto plays them, with signatures checked and IAM policies enforced.

    aws.py          on 127.0.0.1; the first line on stdout is a JSON object: the URL, and the keys of three users
    put NAME VALUE  on stdin: a new version of a secret; answered with its id

`reader` may read secrets, `writer` may change them too, `stranger` may do nothing. The role `door` may read secrets, and whoever brings a web identity token may take it.
"""

import json
import os
import sys

# After the three questions that make the first user, moto enforces; it reads this when it is imported.
os.environ["INITIAL_NO_AUTH_ACTION_COUNT"] = "3"

import boto3
from moto.core.authorization import ActionAuthenticatorMixin
from moto.secretsmanager.exceptions import InvalidRequestException
from moto.secretsmanager.models import SecretsManagerBackend
from moto.server import ThreadedMotoServer

REGION = "eu-central-1"
ANYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
# What docs/guides/aws.md tells people to write.
READ = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}
CHANGES = ["CreateSecret", "DeleteSecret", "DescribeSecret", "GetSecretValue", "ListSecrets", "PutSecretValue", "RestoreSecret"]
WRITE = {"Effect": "Allow", "Action": [f"secretsmanager:{change}" for change in CHANGES], "Resource": "*"}

SECRETS = {
    "mcp/github": "ghp-first",
    "mcp/database": json.dumps({"user": "reader", "password": "pw-first", "port": 5432}),
    "mcp/rotated": "rotated-first",
}


def policy(statement: dict) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def user(iam, name: str, statement: dict | None) -> dict:
    iam.create_user(UserName=name)
    if statement is not None:
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=policy(statement))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"id": key["AccessKeyId"], "secret": key["SecretAccessKey"]}


def leave_web_identities_unsigned() -> None:
    """AWS takes this one question without a signature; the token in it is the proof. moto would ask for one."""
    enforce = ActionAuthenticatorMixin._authenticate_and_authorize_action

    def enforce_but_one(self, *arguments, **named):
        if self._get_action() != "AssumeRoleWithWebIdentity":
            enforce(self, *arguments, **named)

    ActionAuthenticatorMixin._authenticate_and_authorize_action = enforce_but_one


def refuse_what_is_marked_for_deletion() -> None:
    """AWS takes no new value for such a secret. moto would."""
    put = SecretsManagerBackend.put_secret_value

    def put_if_there(self, secret_id: str, *arguments, **named):
        if secret_id in self.secrets and self.secrets[secret_id].is_deleted():
            raise InvalidRequestException("You can't perform this operation on the secret because it was marked for deletion.")
        return put(self, secret_id, *arguments, **named)

    SecretsManagerBackend.put_secret_value = put_if_there


def clients(url: str, key: dict):
    def client(service: str):
        return boto3.client(
            service, endpoint_url=url, region_name=REGION, aws_access_key_id=key["id"], aws_secret_access_key=key["secret"]
        )

    return client("iam"), client("secretsmanager")


leave_web_identities_unsigned()
refuse_what_is_marked_for_deletion()
moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
moto.start()
url = "http://{}:{}".format(*moto.get_host_and_port())
nobody, _ = clients(url, {"id": "AKIAIOSFODNN7EXAMPLE", "secret": "none"})
iam, secrets = clients(url, user(nobody, "admin", ANYTHING))

arns = {name: secrets.create_secret(Name=name, SecretString=value)["ARN"] for name, value in SECRETS.items()}
secrets.create_secret(Name="mcp/binary", SecretBinary="grüß Gott".encode())
secrets.create_secret(Name="mcp/image", SecretBinary=b"\xff\xd8\xff\xe0")
trust = policy({"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity", "Principal": {"Federated": "cluster"}})
role = iam.create_role(RoleName="door", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
iam.put_role_policy(RoleName="door", PolicyName="own", PolicyDocument=policy(READ))
users = {name: user(iam, name, statement) for name, statement in [("reader", READ), ("writer", WRITE), ("stranger", None)]}
print(json.dumps({"url": url, **users, "role": role, "arns": arns}), flush=True)

for line in sys.stdin:
    match line.split():
        case ["put", name, value]:
            print("version", secrets.put_secret_value(SecretId=name, SecretString=value)["VersionId"], flush=True)
        case _:
            sys.exit(__doc__)
