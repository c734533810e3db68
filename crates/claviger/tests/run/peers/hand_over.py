import json, os, socket, sys, threading

secrets = {"KEY": os.environ["KEY"]}

def listen():
    with socket.socket(fileno=int(os.environ["CLAVIGER_SECRETS_FD"])) as door, door.makefile("rw") as lines:
        for line in lines:
            word = json.loads(line)
            if word["event"] == "rotated":
                secrets[word["name"]] = word["value"]
                print(json.dumps({"event": "accepted", "name": word["name"]}), file=lines, flush=True)

threading.Thread(target=listen, daemon=True).start()
for request in sys.stdin:
    print(secrets["KEY"], flush=True)
