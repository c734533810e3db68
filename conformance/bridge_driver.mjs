// An MCP host on a pipe: starts `claviger bridge` for the URL that the harness gives, and uses whatever the server offers once.
//
//   bridge_driver.mjs CLAVIGER URL
//
// The harness says in variables which revision it speaks and what the client is to know; a scenario judges what arrives at its server.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const MODERN = "2026-07-28";
const LEGACY = "2025-11-25";
const DOCUMENT = "https://conformance-test.local/client-metadata.json";
const ROUNDS = 10;
const UNSUPPORTED = -32022;
// Wants to see the schema of the other tool as it arrived.
const ECHO = "json_schema_echo";
const capabilities = { elicitation: { form: {} } };
const clientInfo = { name: "bridge-driver", version: "1.0.0" };

const [claviger, url] = process.argv.slice(2);
const isModern = (process.env.MCP_CONFORMANCE_PROTOCOL_VERSION ?? LEGACY) >= "2026";
const context = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? "{}");

// The harness starts all scenarios at once, so each has a state of its own.
const state = mkdtempSync(join(tmpdir(), "bridge-"));
const options = ["bridge", url, "--state", state, "--client-metadata-url", DOCUMENT];
// What is secret goes into files, as a person would do it.
const kept = (name, text) => {
  writeFileSync(join(state, name), text, { mode: 0o600 });
  return join(state, name);
};
if (context.client_id) options.push("--client-id", context.client_id);
if (context.client_secret) options.push("--client-secret-file", kept("client-secret", context.client_secret));
if (context.private_key_pem) options.push("--client-key-file", kept("client.pem", context.private_key_pem));
if (process.env.MCP_CONFORMANCE_SCENARIO?.startsWith("auth/client-credentials")) options.push("--client-credentials");
if (context.valid_jwt) options.push("--assertion-file", kept("assertion", context.valid_jwt));
if (context.idp_issuer) {
  options.push("--provider", context.idp_issuer, "--provider-client-id", context.idp_client_id);
  options.push("--id-token-file", kept("id-token", context.idp_id_token));
}
const bridge = spawn(claviger, options, { stdio: ["pipe", "pipe", "inherit"] });

const waiting = new Map();
let lastId = 0;

const send = (message) => bridge.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);

function defaults(params) {
  const properties = Object.entries(params?.requestedSchema?.properties ?? {});
  return Object.fromEntries(properties.filter(([, schema]) => "default" in schema).map(([name, schema]) => [name, schema.default]));
}

const answerTo = ({ method, params }) => (method === "elicitation/create" ? { action: "accept", content: defaults(params) } : undefined);

createInterface({ input: bridge.stdout }).on("line", (line) => {
  const message = JSON.parse(line);
  if (message.method && message.id !== undefined) {
    const result = message.method === "ping" ? {} : answerTo(message);
    send(result ? { id: message.id, result } : { id: message.id, error: { code: -32601, message: "not for this host" } });
  } else if (waiting.has(message.id)) {
    waiting.get(message.id)(message);
    waiting.delete(message.id);
  }
});

function once(method, params) {
  const id = ++lastId;
  const _meta = isModern && {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": capabilities,
    "io.modelcontextprotocol/clientInfo": clientInfo,
  };
  send({ id, method, params: _meta ? { ...params, _meta } : params });
  return new Promise((resolve) => waiting.set(id, resolve));
}

// The result, or nothing where the server says no. What it wants to know on the way is answered (SEP-2322).
async function ask(method, params = {}) {
  let more = {};
  for (let round = 0; round < ROUNDS; round += 1) {
    const { result, error } = await once(method, { ...params, ...more });
    if (error?.code === UNSUPPORTED && error.data?.supported?.includes(MODERN)) continue;
    if (error) console.error(`${method}: ${error.message}`);
    if (result?.resultType !== "input_required") return result;
    const answers = Object.entries(result.inputRequests ?? {}).map(([key, request]) => [key, answerTo(request)]);
    more = answers.length > 0 ? { inputResponses: Object.fromEntries(answers) } : {};
    if (result.requestState !== undefined) more.requestState = result.requestState;
  }
  throw new Error(`${method} asks back without end`);
}

function plainest(schema) {
  const value = ({ type }) => ({ number: 1, integer: 1, boolean: true, array: [], object: {} })[type] ?? "x";
  return Object.fromEntries(Object.entries(schema?.properties ?? {}).map(([name, property]) => [name, value(property)]));
}

async function everything() {
  const opened = isModern
    ? await ask("server/discover")
    : await ask("initialize", { protocolVersion: LEGACY, capabilities, clientInfo });
  if (!opened) return false;
  if (!isModern) send({ method: "notifications/initialized" });
  const tools = (await ask("tools/list"))?.tools;
  const calls = context.toolCalls ?? tools?.map(({ name, inputSchema }) => ({ name, arguments: plainest(inputSchema) })) ?? [];
  for (const call of calls) {
    if (call.name === ECHO) call.arguments = { schema: tools.find(({ name }) => name !== ECHO)?.inputSchema };
    await ask("tools/call", call);
  }
  if (opened.capabilities?.resources || opened.capabilities?.prompts) {
    for (const { uri } of (await ask("resources/list"))?.resources ?? []) await ask("resources/read", { uri });
    for (const { name } of (await ask("prompts/list"))?.prompts ?? []) await ask("prompts/get", { name, arguments: {} });
  }
  return tools !== undefined;
}

const done = await everything();
bridge.stdin.end();
await new Promise((resolve) => bridge.on("close", resolve));
rmSync(state, { recursive: true, force: true });
process.exit(done ? 0 : 1);
