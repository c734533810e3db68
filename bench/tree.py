#!/usr/bin/env python3
"""tree.py OUT [FILES]: a folder as a repository might have it, the same at every call: sources, documents, settings, and one file in a hundred for an MCP client.

Keys in those are made here, of no vendor's service; each file holds at least one, so that every scanner has something to find.
"""
import json
import pathlib
import random
import string
import sys

CHANCE = random.Random(6)
NOUNS = "account batch buffer cache client column cursor event field filter handler index invoice job key ledger limit list lock log message meter model node order page policy price queue range record region report request role route row rule scope server session shard signal slot state step store stream table task team token trace user view window worker zone".split()
VERBS = "add apply build check clear close copy count create drop emit fetch find flush format get join keep load make merge move open parse pick post print pull push put read render reset run save scan send set show skip sort split start stop store sync test trim update wait walk write".split()


def name():
    return CHANCE.choice(VERBS) + CHANCE.choice(NOUNS).title()


def words(least, most):
    return " ".join(CHANCE.choice(NOUNS + VERBS) for _ in range(CHANCE.randint(least, most)))


def letters(count, alphabet=string.ascii_letters + string.digits):
    return "".join(CHANCE.choice(alphabet) for _ in range(count))


def script():
    lines = [f"import {{ {name()} }} from './{CHANCE.choice(NOUNS)}';"]
    for _ in range(CHANCE.randint(4, 60)):
        lines.append(f"// {words(3, 12)}")
        lines.append(f"export const {name()} = async ({CHANCE.choice(NOUNS)}) => {name()}({CHANCE.choice(NOUNS)}, {CHANCE.randrange(10**6)});")
    return "\n".join(lines) + "\n"


def python():
    return "".join(
        f'def {name()}({CHANCE.choice(NOUNS)}, limit={CHANCE.randrange(999)}):\n    """{words(4, 12)}"""\n    return {name()}({CHANCE.choice(NOUNS)})["{CHANCE.choice(NOUNS)}"]\n\n\n'
        for _ in range(CHANCE.randint(2, 24))
    )


def document():
    return "".join(f"## {words(2, 4).title()}\n\n{words(20, 120).capitalize()}.\n\n" for _ in range(CHANCE.randint(1, 8)))


def settings():
    return json.dumps({name(): f"{CHANCE.choice(NOUNS)}-{CHANCE.randrange(9999)}" for _ in range(CHANCE.randint(5, 60))}, indent=2) + "\n"


def deployment():
    part = lambda number: f"{CHANCE.choice(NOUNS)}_{number}:\n  image: registry.example/{CHANCE.choice(NOUNS)}:{CHANCE.randrange(9)}.{CHANCE.randrange(20)}\n  replicas: {CHANCE.randrange(9)}\n"
    return "".join(part(number) for number in range(CHANCE.randint(3, 40)))


def client():
    servers = {}
    for _ in range(CHANCE.randint(1, 5)):
        secret = CHANCE.choice(["ghp_" + letters(36), "sk-" + letters(48), letters(64, "0123456789abcdef"), "xoxb-" + letters(12, string.digits) + "-" + letters(24)])
        server = {"command": "npx", "args": ["-y", f"@example/{CHANCE.choice(NOUNS)}-server@1.{CHANCE.randrange(20)}.0"]}
        server["env"] = {f"{CHANCE.choice(NOUNS).upper()}_API_KEY": secret, "LOG_LEVEL": "info"}
        servers[f"{CHANCE.choice(NOUNS)}-{CHANCE.randrange(99)}"] = server
    return json.dumps({"mcpServers": servers}, indent=2) + "\n"


PLAIN = [("ts", script), ("js", script), ("py", python), ("md", document), ("json", settings), ("yaml", deployment)]
out = pathlib.Path(sys.argv[1])
for number in range(int(sys.argv[2]) if len(sys.argv) > 2 else 10_000):
    folder = out / f"{CHANCE.choice(NOUNS)}{CHANCE.randrange(20)}" / f"{CHANCE.choice(NOUNS)}{CHANCE.randrange(6)}"
    if number % 100 == 0:
        file, text = folder / str(number) / ".mcp.json", client()
    else:
        ending, write = CHANCE.choice(PLAIN)
        file, text = folder / f"{name()}{number}.{ending}", write()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
