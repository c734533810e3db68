#!/usr/bin/env python3
"""rules-update.py FILE: takes the patterns of a betterleaks.toml into crates/scan/data/patterns.json and says what changed.

One rule a line. Taken: id, description, regex, keywords and the entropy below which a match is noise. Left out: rules that match any value behind
any name (`classify` judges those), rules that only support others, rules without a pattern, and their word list.
"""
import json
import pathlib
import re
import sys
import tomllib

TARGET = pathlib.Path(__file__).resolve().parent.parent / "crates/scan/data/patterns.json"
LEFT_OUT = {"generic-api-key", "generic-password", "generic-username"}


def taken(rule):
    if rule["id"] in LEFT_OUT or rule.get("skipReport") or not rule.get("regex") or not rule.get("keywords"):
        return None
    entropy = re.search(r'entropy\(finding\["secret"\]\) <= ([\d.]+)', rule.get("filter", ""))
    kept = {
        "id": rule["id"],
        "description": rule["description"],
        "regex": rule["regex"],
        "keywords": sorted({keyword.lower() for keyword in rule["keywords"]}),
    }
    if entropy:
        kept["entropy"] = float(entropy.group(1))
    if rule.get("secretGroup"):
        kept["group"] = rule["secretGroup"]
    return kept


def main():
    with open(sys.argv[1], "rb") as file:
        rules = sorted(filter(None, map(taken, tomllib.load(file)["rules"])), key=lambda rule: rule["id"])
    new = {rule["id"]: json.dumps(rule, ensure_ascii=True) for rule in rules}
    old = {}
    if TARGET.exists():
        old = {json.loads(line.rstrip(",\n"))["id"]: line.rstrip(",\n") for line in TARGET.open() if line.startswith("{")}
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            print("+" if name not in old else "-" if name not in new else "~", name)
    TARGET.write_text("[\n" + ",\n".join(new.values()) + "\n]\n")
    print(f"{len(new)} patterns")


main()
