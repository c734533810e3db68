"""A process that ignores the end of its input and every signal that can be ignored."""

import signal
import sys
import time

for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGPIPE, signal.SIGUSR1, signal.SIGUSR2):
    signal.signal(number, signal.SIG_IGN)
print("ready", flush=True)
sys.stdout.close()
while True:
    time.sleep(60)
