#!/usr/bin/env python3
"""scan.py CLAVIGER SCANNERS TREE FILE ROUNDS: measures, by turns, what each scanner takes for a folder and for one file, and prints the medians. See scan.sh."""
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

CLAVIGER, SCANNERS, TREE, FILE, ROUNDS = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3], sys.argv[4], int(sys.argv[5])
VENV = SCANNERS / "venv/bin"
KINGFISHER = [VENV / "kingfisher", "scan", "--no-validate", "--no-update-check", "--quiet"]
# What is run, and the codes by which it says that it went through: with findings or without.
EVERY_FILE = {
    "claviger --all": ([CLAVIGER, "scan", "--all", TREE], {0, 1}),
    "claviger": ([CLAVIGER, "scan", TREE], {0, 1}),
    "kingfisher": ([*KINGFISHER, TREE], {0, 200}),
    "ripsecrets": ([SCANNERS / "cargo/bin/ripsecrets", TREE], {0, 1}),
    "detect-secrets": ([VENV / "detect-secrets", "scan", "--all-files", "--no-verify", TREE], {0}),
}
ONE_FILE = {
    "claviger": ([CLAVIGER, "scan", FILE], {0, 1}),
    "kingfisher": ([*KINGFISHER, FILE], {0, 200}),
    "ripsecrets": ([SCANNERS / "cargo/bin/ripsecrets", FILE], {0, 1}),
    "detect-secrets": ([VENV / "detect-secrets", "scan", "--all-files", "--no-verify", FILE], {0}),
}
# Minutes, and no goal depends on it.
ONCE = {("folder", "detect-secrets")}
# Times of some milliseconds are means of so many.
REPEATED = 20


def measure(command, fine):
    """Seconds of CPU in hundredths, and the most memory in KiB: by time(1), whose own memory is less than that of anything measured here."""
    with tempfile.NamedTemporaryFile("r") as told, tempfile.TemporaryFile() as said:
        line = ["/usr/bin/time", "--quiet", "-o", told.name, "-f", "%U %S %M", *map(str, command)]
        code = subprocess.run(line, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, check=False).returncode
        if code not in fine:
            said.seek(0)
            sys.exit(f"bench: {command[0]} ended with {code}: {said.read().decode(errors='replace')[-2000:]}")
        user, system, memory = told.read().split()[-3:]
        return float(user) + float(system), int(memory)


def cpu(command, repeated):
    """By the kernel's count for a child that has ended; time(1) rounds to hundredths."""
    spent = 0.0
    for _ in range(repeated):
        nothing = os.open(os.devnull, os.O_RDWR)
        to_nothing = [(os.POSIX_SPAWN_DUP2, nothing, stream) for stream in (0, 1, 2)]
        child = os.posix_spawn(command[0], [str(word) for word in command], os.environ, file_actions=to_nothing)
        used = os.wait4(child, 0)[2]
        os.close(nothing)
        spent += used.ru_utime + used.ru_stime
    return spent / repeated


def table(kind, programs, repeated):
    taken, memory = {}, {}
    # Not counted but for the memory: it warms the disk's cache, and the one that kingfisher keeps of its rules.
    for name, program in programs.items():
        seconds, memory[name] = measure(*program)
        taken[name] = [seconds] if (kind, name) in ONCE else []
    names = [name for name in programs if (kind, name) not in ONCE]
    for turn in range(ROUNDS):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            taken[name].append(cpu(programs[name][0], repeated))
            memory[name] = max(memory[name], measure(*programs[name])[1])
    return {name: (statistics.median(taken[name]), memory[name] / 1024) for name in programs}


def show(title, rows, unit, scale, over):
    print(f"\n{title}\n  {'':<16}{'CPU ' + unit:>10}{'peak MiB':>10}{'CPU, ' + over + ' = 1':>24}")
    for name, (seconds, memory) in rows.items():
        print(f"  {name:<16}{seconds * scale:>10.3g}{memory:>10.1f}{seconds / rows[over][0]:>24.1f}")


def goal(what, is_met):
    print(f"  [goal {what}: {'met' if is_met else 'MISSED'}]")


def main():
    files = sum(len(names) for _, _, names in os.walk(TREE))
    folder = table("folder", EVERY_FILE, 1)
    show(f"{files} files", folder, "s", 1, "claviger --all")
    (seconds, memory), kingfisher = folder["claviger --all"], folder["kingfisher"][0]
    goal("<= 0.5 CPU s", seconds <= 0.5)
    goal("<= 20 MB", memory * 1.048576 <= 20)
    goal("kingfisher >= 2.0", kingfisher / seconds >= 2)
    one = table("file", ONE_FILE, REPEATED)
    show(f"one file of {os.path.getsize(FILE)} bytes", one, "ms", 1000, "claviger")
    seconds, memory = one["claviger"]
    goal("<= 10 ms", seconds <= 0.010)
    goal("<= 10 MB", memory * 1.048576 <= 10)
    goal("kingfisher >= 2.0", one["kingfisher"][0] / seconds >= 2)


main()
