#!/usr/bin/env python3
"""scanner-score.py CLAVIGER CORPUS: how much of a labelled corpus does `claviger scan` find, kind by kind?

CORPUS has a folder for each case, with its files and `meta.json` (`mode`: the permissions to test with), and `labels.jsonl` with one
`{case, line, kind, tier, ambiguous}` a line. What is ambiguous or a weak default counts neither way; so do places that are labelled as harmless only
where nothing is found there.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

SECRETS = {"hardcoded-secret", "secret-in-args", "secret-in-url"}
HARMLESS = {"placeholder-ok", "env-ref-ok", "local-http-ok"}


def found(claviger, case, folder):
    mode = json.loads((case / "meta.json").read_text()).get("mode")
    for file in sorted(case.iterdir()):
        if file.name == "meta.json":
            continue
        copy = pathlib.Path(shutil.copy(file, folder / file.name))
        os.chmod(copy, int(str(mode), 8) if mode else 0o600)
        ran = subprocess.run([claviger, "scan", "--format", "json", copy], capture_output=True, text=True, check=False)
        if ran.returncode not in (0, 1):
            sys.exit(f"{case.name}/{file.name}: ended with {ran.returncode}: {ran.stderr}")
        for finding in json.loads(ran.stdout)["findings"]:
            yield case.name, finding["line"], finding["category"]
        copy.unlink()


def score(name, kinds, labels, findings):
    plain = lambda label: not label.get("ambiguous") and label.get("tier") != "weak-or-default"
    places = lambda wanted: {(label["case"], label["line"]) for label in labels if label["kind"] in kinds | HARMLESS and wanted(label)}
    due = {place for label in labels if label["kind"] in kinds and plain(label) for place in [(label["case"], label["line"])]}
    ignored = places(lambda label: not plain(label)) - due
    got = {(case, line) for case, line, kind in findings if kind in kinds} - ignored
    right = len(got & due)
    precision, recall = (right / len(got) if got else 1.0), (right / len(due) if due else 1.0)
    print(f"{name:28} found {right:3} of {len(due):3}, wrongly {len(got - due):2}   precision {precision:.3f}  recall {recall:.3f}")
    return got - due, due - got


def main():
    claviger, corpus = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    labels = [json.loads(line) for line in (corpus / "labels.jsonl").read_text().splitlines()]
    with tempfile.TemporaryDirectory() as folder:
        cases = sorted(case for case in corpus.iterdir() if (case / "meta.json").is_file())
        findings = [finding for case in cases for finding in found(claviger, case, pathlib.Path(folder))]
    wrong, missed = score("secrets, of any kind", SECRETS, labels, findings)
    for kind in sorted({label["kind"] for label in labels} - HARMLESS):
        score(kind, {kind}, labels, findings)
    print("wrongly found:", *sorted(wrong))
    print("missed:", *sorted(missed))


main()
