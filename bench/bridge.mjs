// A host on a pipe that measures two bridges by turns: how soon the first answer comes, how much memory they take, how many calls a second of their CPU answers.
//
//   bridge.mjs CORE SECONDS STARTS ROUNDS LOG URL CLAVIGER STATE MCP_REMOTE FOLDER
//
// Prints one line of figures for each bridge: name, milliseconds, those of CPU, KiB, calls, ticks. The address at which a person is to log in goes to LOG.
import { spawn } from "node:child_process";
import { appendFileSync, readFileSync, readdirSync } from "node:fs";
import { createInterface } from "node:readline";

const [core, seconds, starts, rounds, log, url, claviger, state, mcpRemote, folder] = process.argv.slice(2);
const OUTSTANDING = 16;
const PATIENCE_MS = 60_000;

const bridges = {
  claviger: { command: [claviger, "bridge", url, "--state", state, "--no-browser"], env: {} },
  // Without `open`, which would look for a desktop.
  "mcp-remote": { command: [process.execPath, mcpRemote, url, "--transport", "http-only"], env: { MCP_REMOTE_CONFIG_DIR: folder, BROWSER: "true" } },
};

class Bridge {
  #waiting = new Map();
  #lastId = 0;

  constructor({ command, env }) {
    this.began = performance.now();
    this.child = spawn("taskset", ["-c", core, ...command], { stdio: ["pipe", "pipe", "pipe"], env: { ...process.env, ...env } });
    createInterface({ input: this.child.stdout }).on("line", (line) => {
      const message = JSON.parse(line);
      this.#waiting.get(message.id)?.(message);
      this.#waiting.delete(message.id);
    });
    createInterface({ input: this.child.stderr }).on("line", (line) => {
      const address = /http:\S*code_challenge=\S+/.exec(line)?.[0];
      if (address) appendFileSync(log, `${address}\n`);
      this.said = `${this.said ?? ""}${line}\n`;
    });
  }

  send(message) {
    this.child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  }

  ask(method, params) {
    const id = ++this.#lastId;
    this.send({ id, method, params });
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`no answer to ${method}: ${this.said}`)), PATIENCE_MS);
      this.#waiting.set(id, (message) => {
        clearTimeout(late);
        if (message.result && !message.result.isError) resolve(message.result);
        else reject(new Error(`${method}: ${JSON.stringify(message)}`));
      });
    });
  }

  // Milliseconds from the start of the process to the first answer.
  async open() {
    await this.ask("initialize", { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "bench", version: "1" } });
    const took = performance.now() - this.began;
    this.send({ method: "notifications/initialized" });
    return took;
  }

  call() {
    return this.ask("tools/call", { name: "echo", arguments: { text: "hello" } });
  }

  // Milliseconds of CPU that its living threads have used.
  used() {
    const task = `/proc/${this.child.pid}/task`;
    return readdirSync(task).reduce((sum, id) => sum + Number(readFileSync(`${task}/${id}/schedstat`, "utf8").split(" ")[0]) / 1e6, 0);
  }

  // Everything that the process has used, threads that have ended included.
  ticks() {
    const fields = readFileSync(`/proc/${this.child.pid}/stat`, "utf8").split(") ").pop().split(" ");
    return Number(fields[11]) + Number(fields[12]);
  }

  peak() {
    return Number(/^VmHWM:\s*(\d+)/m.exec(readFileSync(`/proc/${this.child.pid}/status`, "utf8"))[1]);
  }

  async close() {
    const ended = new Promise((resolve) => this.child.once("exit", resolve));
    this.child.stdin.end();
    const late = setTimeout(() => this.child.kill("SIGKILL"), 5000);
    await ended;
    clearTimeout(late);
  }
}

async function load(bridge) {
  const end = performance.now() + seconds * 1000;
  let calls = 0;
  const caller = async () => {
    while (performance.now() < end) {
      await bridge.call();
      calls += 1;
    }
  };
  await Promise.all(Array.from({ length: OUTSTANDING }, caller));
  return calls;
}

const middle = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
const names = Object.keys(bridges);
const byTurns = (turn) => (turn % 2 ? names.toReversed() : names);
const figures = Object.fromEntries(names.map((name) => [name, { starts: [], uses: [], peaks: [], calls: 0, ticks: 0 }]));

// The log-in, which nobody measures: afterwards each has its token.
for (const name of names) {
  const bridge = new Bridge(bridges[name]);
  await bridge.open();
  await bridge.call();
  await bridge.close();
}
for (let turn = 0; turn < starts; turn += 1) {
  for (const name of byTurns(turn)) {
    const bridge = new Bridge(bridges[name]);
    figures[name].starts.push(await bridge.open());
    figures[name].uses.push(bridge.used());
    await bridge.close();
  }
}
for (let turn = 0; turn < rounds; turn += 1) {
  for (const name of byTurns(turn)) {
    const bridge = new Bridge(bridges[name]);
    await bridge.open();
    await bridge.call();
    const before = bridge.ticks();
    figures[name].calls += await load(bridge);
    figures[name].ticks += bridge.ticks() - before;
    figures[name].peaks.push(bridge.peak());
    await bridge.close();
  }
}
for (const [name, { starts: times, uses, peaks, calls, ticks }] of Object.entries(figures)) {
  console.log([name, middle(times).toFixed(1), middle(uses).toFixed(1), Math.max(...peaks), calls, ticks].join("\t"));
}
