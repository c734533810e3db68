// The official TypeScript SDK client, told what to do by a test:
//
//     node typescript.mjs URL SCENARIO ['{"era": "legacy", …}']
//
// The bearer token, if any, is in the variable TOKEN. The outcome is one JSON object on stdout: what the scenario
// saw, or `error`; and `refusals`, every answer of the server that was no success.
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, StreamableHTTPClientTransport, UrlElicitationRequiredError } from '@modelcontextprotocol/client';
import { Browser } from './person.mjs';

const [url, scenario, settings = '{}'] = process.argv.slice(2);
const {
  era = 'legacy', tool = 'echo', arguments: input = {}, uri, root, clients = 1, calls = 1, pause = 0, after = 'echo', until = 'still here',
  names, steps = ['call'], answers = [], shown = {},
} = JSON.parse(settings);

// What `connect` found out beside the protocol: refusals, and the JSON-RPC ids that went out.
const refusals = [];

function recordingFetch(ids) {
  return async (target, init) => {
    if (init?.body) ids.push(...[JSON.parse(init.body)].flat().flatMap((message) => ('id' in message ? [message.id] : [])));
    const response = await fetch(target, init);
    if (!response.ok && response.status !== 405) refusals.push({ status: response.status, challenge: response.headers.get('www-authenticate') });
    return response;
  };
}

async function connect({ capabilities = {}, ids = [], prepare = () => {} } = {}) {
  const client = new Client({ name: 'interop-typescript', version: '1' }, {
    capabilities,
    versionNegotiation: { mode: era === 'modern' ? { pin: '2026-07-28' } : era },
  });
  prepare(client);
  const headers = { ...shown, ...(process.env.TOKEN && { Authorization: `Bearer ${process.env.TOKEN}` }) };
  const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers }, fetch: recordingFetch(ids) });
  await client.connect(transport);
  return { client, end: async () => { await transport.terminateSession().catch(() => {}); await client.close(); } };
}

const textOf = (result) => result.content.map((item) => item.text ?? `<${item.type}>`).join('\n');

// Calls a tool again and again, for ten seconds, until it says `words`.
async function callUntil(client, name, words) {
  let text = '';
  for (let tries = 0; tries < 100 && !text.includes(words); tries += 1) {
    if (tries > 0) await sleep(100);
    text = textOf(await client.callTool({ name, arguments: { message: words, text: words } }));
  }
  return text;
}

const scenarios = {
  // Lists everything and calls one tool.
  async tour() {
    const { client, end } = await connect();
    const { tools } = await client.listTools();
    const has = client.getServerCapabilities();
    const prompts = has.prompts ? (await client.listPrompts()).prompts : [];
    const resources = has.resources ? (await client.listResources()).resources : [];
    const result = await client.callTool({ name: tool, arguments: input });
    const version = client.getNegotiatedProtocolVersion();
    await end();
    return {
      version,
      server: client.getServerVersion()?.name,
      tools: tools.map(({ name }) => name),
      prompts: prompts.map(({ name }) => name),
      resources: resources.map((resource) => resource.uri),
      text: textOf(result),
      failed: result.isError ?? false,
    };
  },

  // One call with progress.
  async progress() {
    const { client, end } = await connect();
    const steps = [];
    const result = await client.callTool({ name: tool, arguments: input }, { onprogress: ({ progress, total }) => steps.push([progress, total]) });
    await end();
    return { steps, text: textOf(result) };
  },

  // A call during which the server asks the client: for a person's answer, or for a model's.
  async ask() {
    const asked = [];
    const prepare = (client) => {
      client.setRequestHandler('elicitation/create', ({ params }) => {
        asked.push(params.message);
        return { action: 'accept', content: { name: 'Ada', check: true } };
      });
      client.setRequestHandler('sampling/createMessage', ({ params }) => {
        asked.push(params.messages.map(({ content }) => content.text).join('\n'));
        return { model: 'none', role: 'assistant', content: { type: 'text', text: 'sampled by the test' } };
      });
    };
    const { client, end } = await connect({ capabilities: { elicitation: { form: {} }, sampling: {} }, prepare });
    const result = await client.callTool({ name: tool, arguments: input });
    await end();
    return { asked, text: textOf(result) };
  },

  // The server asks for the client's roots by itself; `tool` tells when it has understood them.
  async roots() {
    const prepare = (client) => client.setRequestHandler('roots/list', () => ({ roots: [{ uri: `file://${root}` }] }));
    const { client, end } = await connect({ capabilities: { roots: {} }, prepare });
    const text = await callUntil(client, tool, root);
    await end();
    return { text };
  },

  // A call that the client gives up at its first sign of life; then another one, again and again until it says `until`.
  async cancel() {
    const { client, end } = await connect();
    const given = new AbortController();
    const giveUp = setTimeout(() => given.abort(), 1500);
    const outcome = await client
      .callTool({ name: tool, arguments: input }, { signal: given.signal, onprogress: () => given.abort() })
      .then(() => 'answered', () => 'cancelled');
    clearTimeout(giveUp);
    const text = await callUntil(client, after, until);
    await end();
    return { outcome, text };
  },

  // Waits until the server says that a resource changed; `tool` makes it change.
  async subscribe() {
    const { client, end } = await connect();
    const changed = Promise.withResolvers();
    client.setNotificationHandler('notifications/resources/updated', ({ params }) => changed.resolve(params.uri));
    const subscription = era === 'legacy' ? void (await client.subscribeResource({ uri })) : await client.listen({ resourceSubscriptions: [uri] });
    await client.callTool({ name: tool, arguments: input });
    const patience = setTimeout(() => changed.reject(new Error('no update within 20 s')), 20_000);
    const updated = await changed.promise;
    clearTimeout(patience);
    await subscription?.close();
    await end();
    return { updated };
  },

  // Several clients at once; their JSON-RPC ids are the same, their answers must not be.
  async crowd() {
    const idsOfAll = await Promise.all(Array.from({ length: clients }, async (_, who) => {
      const ids = [];
      const { client, end } = await connect({ ids });
      await Promise.all(Array.from({ length: calls }, async (_, call) => {
        const mine = `client ${who} call ${call}`;
        const text = textOf(await client.callTool({ name: 'echo', arguments: { message: mine, text: mine } }));
        if (!text.endsWith(mine)) throw new Error(`${mine} was answered: ${text}`);
      }));
      await end();
      return JSON.stringify(ids.sort());
    }));
    return { answered: clients * calls, sameIds: new Set(idsOfAll).size === 1 };
  },

  // Several clients at once, which call one tool again and again with a pause after each call: everything that it said.
  async steady() {
    const texts = await Promise.all(Array.from({ length: clients }, async () => {
      const { client, end } = await connect();
      const said = [];
      for (let call = 0; call < calls; call += 1) {
        said.push(textOf(await client.callTool({ name: tool, arguments: input })));
        await sleep(pause);
      }
      await end();
      return said;
    }));
    return { texts: texts.flat() };
  },

  // Calls of a tool that needs an account of the person's own. When they are asked to open a link, they give the next of the `answers`: `accept` after they have
  // gone through the pages, `go` before, and `decline`. Between two calls they may `disconnect` on the door's page.
  async account() {
    const asked = [];
    const pages = [];
    const person = new Browser();
    const answer = async ({ url: link, ...question }) => {
      asked.push({ ...question, url: link });
      const word = answers.shift();
      if (word === 'decline') return { action: 'decline' };
      const visit = person.walk(link, names).then((page) => pages.push(page));
      if (word === 'accept') await visit;
      return { action: 'accept' };
    };
    // An error that asks for a URL to be opened (2025-11-25) is for the program around the client; it tries again when the person is done.
    const trying = (attempt) => attempt().catch(async (error) => {
      if (!(error instanceof UrlElicitationRequiredError)) throw error;
      const { action } = await answer(error.elicitations[0]);
      if (action === 'decline') throw error;
      return attempt();
    });
    const prepare = (client) => client.setRequestHandler('elicitation/create', ({ params }) => answer(params));
    const { client, end } = await trying(() => connect({ capabilities: { elicitation: { url: {} } }, prepare }));
    const results = [];
    for (const step of steps) {
      if (step === 'call') {
        const result = await trying(() => client.callTool({ name: tool, arguments: input }));
        results.push({ text: textOf(result), failed: result.isError ?? false });
      } else {
        const page = url.replace('/mcp/', '/connections/to/');
        pages.push(await person.walk(page, names, { button: step }));
      }
    }
    const version = client.getNegotiatedProtocolVersion();
    await end();
    return { version, asked, pages, results };
  },
};

const outcome = await scenarios[scenario]().catch((error) => ({
  error: { name: error.constructor.name, code: error.code, status: error.data?.status ?? error.status, message: error.message, cause: error.cause && String(error.cause) },
}));
process.stdout.write(`${JSON.stringify({ ...outcome, refusals })}\n`, () => process.exit(0));
