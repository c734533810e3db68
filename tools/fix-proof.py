#!/usr/bin/env python3
"""fix-proof.py CLAVIGER CORPUS [STORE [PLACE]]: does `claviger scan --fix` keep what a labelled corpus holds?

CORPUS is as for scanner-score.py. STORE is `file` (default) or another, with the PLACE for `--within`; how it is asked,
say VAULT_ADDR and CLAVIGER_CONFIG. Each file that holds a labelled secret is
copied, fixed and judged: it parses and holds no secret any more; what its reader gets under `claviger run` is what the file said before; it scans clean of
secrets; `--undo` brings it back byte for byte. A secret that stays has to be named by the command with a reason.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SECRETS = {"hardcoded-secret", "secret-in-args", "secret-in-url"}
DUMP = "import json,os,sys;print(json.dumps([sys.argv[1:],dict(os.environ)]))"


def read(text):
    """JSON as editors write it."""
    text = re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE)
    return json.loads(re.sub(r",(\s*[}\]])", r"\1", text))


def scalars(node, path=()):
    if isinstance(node, dict):
        for key, value in node.items():
            yield from scalars(value, (*path, key))
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from scalars(value, (*path, number))
    else:
        yield path, node


def servers(document):
    for name in ("mcpServers", "servers"):
        yield from document.get(name, {}).items()


class Case:
    def __init__(self, claviger, store, file, folder):
        store, *place = store
        self.claviger, self.file, self.folder = claviger, folder / file.name, folder
        shutil.copy(file, self.file)
        os.chmod(self.file, 0o644)
        self.before = self.file.read_bytes()
        self.state = folder / "state"
        self.flags = ["--keychain", "file"] if store == "file" else []
        self.environment = {**os.environ, "HOME": str(folder), "CLAVIGER_STATE": str(self.state)}
        self.store = ["--store", store, *(flag for name in place for flag in ("--within", name))]

    def run(self, *arguments, environment=None):
        command = [self.claviger, *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.folder, env={**self.environment, **(environment or {})})

    def dumped(self, arguments, environment=None):
        ran = self.run(*arguments, environment=environment)
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    def secrets(self):
        findings = json.loads(self.run("scan", "--format", "json", self.file).stdout)["findings"]
        return [finding["line"] for finding in findings if finding["category"] in SECRETS]

    def prove(self, labelled):
        shown = self.run("scan", "--fix", *self.store, self.file)
        assert self.file.read_bytes() == self.before and not (self.state / "fixes").exists(), "the dry run changed something"
        held = [raw for raw in re.findall(rb"[A-Za-z0-9_\-]{16,}", self.before) if any(raw in self.before.splitlines()[line - 1] for line in labelled)]
        fixed = self.run("scan", "--fix", "--yes", *self.store, self.file)
        assert fixed.returncode in (0, 1), fixed.stderr
        stays = set(map(int, re.findall(r":(\d+):\d+: .* stays: ", fixed.stderr)))
        left = self.secrets()
        assert set(left) <= stays, f"still there: {left}, said to stay: {stays}; {fixed.stderr}"
        after = self.file.read_text()
        if not stays:
            self.compare(self.before.decode(), after)
            for said in (shown.stdout, shown.stderr, fixed.stdout, fixed.stderr, *(p.read_text() for p in self.state.rglob("*") if p.suffix in (".json", ".env"))):
                for secret in SECRETS_OF[self.file.name](self.before.decode(), after):
                    assert secret not in said, "a secret was shown"
        assert os.stat(self.file).st_mode & 0o777 == 0o600 or after.encode() == self.before
        if after.encode() != self.before:
            undone = self.run("scan", "--undo")
            assert undone.returncode == 0, undone.stderr
        assert self.file.read_bytes() == self.before, "not as it was"
        return len(set(labelled) - stays), sorted(stays & set(labelled))

    def compare(self, before, after):
        if ".env" in self.file.name:
            return self.compare_variables(before)
        old, new = read(before), read(after)
        variables = {}
        if (self.state / "clients.env").exists():
            variables = self.dumped(["run", *self.flags, "--env-file", self.state / "clients.env", "--", sys.executable, "-c", DUMP])[1]
        expanded = lambda text: re.sub(r"\$\{(?:env:)?(\w+)\}", lambda found: variables.get(found[1], found[0]), text)
        for (name, was), (_, now) in zip(servers(old), servers(new), strict=True):
            if now.get("command") == was.get("command"):
                texts = lambda server: [(path, expanded(value) if isinstance(value, str) else value) for path, value in scalars(server)]
                assert list(scalars(was)) == texts(now), name
                continue
            words = now["args"]
            at = words.index("--")
            if words[at + 2 : at + 3] == ["bridge"]:
                self.compare_bridge(was, words, at)
                continue
            assert words[at + 1] == was["command"], name
            arguments, environment = self.dumped([*words[:at], "--", sys.executable, "-c", DUMP, *words[at + 2 :]], now.get("env"))
            assert arguments == was.get("args", []), name
            assert {key: environment.get(key) for key in was.get("env", {})} == was.get("env", {}), name

    def compare_bridge(self, was, words, at):
        arguments, environment = self.dumped([*words[:at], "--", sys.executable, "-c", DUMP, *words[at + 2 :]])
        filled = [re.sub(r"\$\{(CLAVIGER_SECRET_\d+)\}", lambda found: environment[found[1]], word) for word in arguments[1:]]
        url = was.get("url") or was.get("serverUrl")
        assert filled == [url, *(word for name, value in was.get("headers", {}).items() for word in ("--header", f"{name}: {value}"))]

    def compare_variables(self, before):
        # What has blanks and no quotes is read whole by many, and not at all by `claviger run`.
        (self.folder / "before").write_text(re.sub(r"^(\w+=)([^\"'\n#]* [^\"'\n#]*)$", r'\1"\2"', before, flags=re.MULTILINE))
        dump = lambda file: self.dumped(["run", *self.flags, "--no-inherit", "--env-file", file, "--", sys.executable, "-c", DUMP])[1]
        assert dump(self.file) == dump(self.folder / "before")


def tokens_gone(before, after):
    words = lambda text: set(re.findall(r"[A-Za-z0-9_\-+/.~!&=]{12,}", text))
    return [word for word in words(before) - words(after) if re.search(r"\d", word) and re.search(r"[A-Za-z]", word) and "@" not in word and "://" not in word]


class Anything(dict):
    def __missing__(self, _):
        return tokens_gone


SECRETS_OF = Anything()


def main():
    claviger, corpus = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    store = sys.argv[3:] or ["file"]
    labelled = {}
    for label in map(json.loads, (corpus / "labels.jsonl").read_text().splitlines()):
        if label["kind"] in SECRETS and not label.get("ambiguous") and label.get("tier") != "weak-or-default":
            labelled.setdefault((label["case"], label["file"]), []).append(label["line"])
    moved = total = wrong = 0
    for (case, name), lines in sorted(labelled.items()):
        with tempfile.TemporaryDirectory() as folder:
            try:
                gone, stays = Case(str(claviger), store, corpus / case / name, pathlib.Path(folder)).prove(lines)
                moved += gone
                if stays:
                    print(f"{case}/{name}: stays, with a reason: lines {stays}")
            except AssertionError as failure:
                wrong += 1
                print(f"{case}/{name}: {failure}")
        total += len(set(lines))
    print(f"{moved} of {total} labelled secrets moved into {store[0]} and back; {wrong} files went wrong")
    sys.exit(1 if wrong else 0)


main()
