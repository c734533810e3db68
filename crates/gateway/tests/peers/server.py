"""A small legacy MCP server whose tools show what a child process is given and do to it what children have done to them."""

import json
import os
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))


def stubborn(own_session):
    """Starts a process that outlives every polite request, and returns its id."""
    child = subprocess.Popen([sys.executable, "-I", "-S", os.path.join(HERE, "stubborn.py")], start_new_session=own_session, stdout=subprocess.PIPE)
    child.stdout.readline()
    return child.pid


def tool(name, arguments):
    if name == "environment":
        return {"environment": dict(os.environ), "arguments": sys.argv[1:], "directory": os.getcwd()}
    if name == "family":
        return {"pid": os.getpid(), "guard": os.getppid(), "group": os.getpgrp(), "near": stubborn(False), "far": stubborn(True)}
    if name == "complain":
        for line in arguments["lines"]:
            print(line, file=sys.stderr, flush=True)
        return {}
    if name == "chatter":
        print("Listening on stdio...", flush=True)
        return {}
    if name == "long":
        return {"text": "x" * arguments["bytes"]}
    if name == "die":
        os._exit(3)
    return {"pid": os.getpid()}


def main():
    if "--deaf" in sys.argv:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "--note-term" in sys.argv:
        path = sys.argv[sys.argv.index("--note-term") + 1]

        def note(*_):
            with open(path, "a", encoding="utf-8") as notes:
                notes.write("TERM\n")
            os._exit(0)

        signal.signal(signal.SIGTERM, note)
    for line in sys.stdin:
        message = json.loads(line)
        if "id" not in message:
            continue
        if message["method"] == "initialize":
            result = {"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {"name": "test", "version": "1"}}
        else:
            result = tool(message["params"]["name"], message["params"].get("arguments", {}))
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)
    if "--note-end" in sys.argv:
        with open(sys.argv[sys.argv.index("--note-end") + 1], "a", encoding="utf-8") as notes:
            notes.write("EOF\n")
    while "--deaf" in sys.argv or "--note-term" in sys.argv:
        time.sleep(60)


main()
