// One of the official TypeScript SDK's clients, told by a test to use everything that a server has:
//
//     node pair.mjs URL 1|2 SETTINGS
//
// 1 is @modelcontextprotocol/sdk, which knows the legacy era only; 2 is @modelcontextprotocol/client, here in the modern one.
// SETTINGS name the server's tools for each feature, as crates/claviger/tests/interop/pairs says. The bearer token is in the variable TOKEN.
// The outcome is one JSON object on stdout: feature → what the client saw of it, or {"error": …}.
import { features } from './pair_features.mjs';

const [url, generation, settings] = process.argv.slice(2);

const handlers = {
  elicit: () => ({ action: 'accept', content: { name: 'Ada', username: 'ada', email: 'ada@example.com', check: true } }),
  sample: () => ({ model: 'none', role: 'assistant', content: { type: 'text', text: 'sampled by the test' } }),
};

async function legacy() {
  const { Client } = await import('@modelcontextprotocol/sdk/client/index.js');
  const { StreamableHTTPClientTransport } = await import('@modelcontextprotocol/sdk/client/streamableHttp.js');
  const types = await import('@modelcontextprotocol/sdk/types.js');
  const client = new Client({ name: 'interop-typescript-1', version: '1' }, { capabilities: { elicitation: { form: {} }, sampling: {} } });
  client.setRequestHandler(types.ElicitRequestSchema, handlers.elicit);
  client.setRequestHandler(types.CreateMessageRequestSchema, handlers.sample);
  return {
    client,
    transport: new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers: { Authorization: `Bearer ${process.env.TOKEN}` } } }),
    version: (transport) => transport.protocolVersion,
    call: (name, input, options) => client.callTool({ name, arguments: input }, undefined, options),
    async hear(what, heard) {
      client.setNotificationHandler(types.ToolListChangedNotificationSchema, () => heard('tools'));
      client.setNotificationHandler(types.ResourceUpdatedNotificationSchema, ({ params }) => heard(params.uri));
      if (what !== 'tools') await client.subscribeResource({ uri: what });
    },
  };
}

async function modern() {
  const { Client, StreamableHTTPClientTransport } = await import('@modelcontextprotocol/client');
  const client = new Client({ name: 'interop-typescript-2', version: '1' }, {
    capabilities: { elicitation: { form: {} }, sampling: {} },
    versionNegotiation: { mode: { pin: '2026-07-28' } },
  });
  client.setRequestHandler('elicitation/create', handlers.elicit);
  client.setRequestHandler('sampling/createMessage', handlers.sample);
  return {
    client,
    transport: new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers: { Authorization: `Bearer ${process.env.TOKEN}` } } }),
    version: () => client.getNegotiatedProtocolVersion(),
    call: (name, input, options) => client.callTool({ name, arguments: input }, options),
    async hear(what, heard) {
      client.setNotificationHandler('notifications/tools/list_changed', () => heard('tools'));
      client.setNotificationHandler('notifications/resources/updated', ({ params }) => heard(params.uri));
      await client.listen(what === 'tools' ? { toolsListChanged: true } : { resourceSubscriptions: [what] });
    },
  };
}

const outcome = await features(await (generation === '1' ? legacy() : modern()), JSON.parse(settings));
process.stdout.write(`${JSON.stringify(outcome)}\n`, () => process.exit(0));
