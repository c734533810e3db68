// The TypeScript clients with an OAuth provider that starts with nothing: registers itself, asks for a person at a browser, keeps what it gets.
//
//     node sign_in.mjs PACKAGE URL TOOL ARGUMENTS [once]
//
// PACKAGE is `sdk` (@modelcontextprotocol/sdk) or `client` (@modelcontextprotocol/client). The first line on stdout is the URL for the browser, as `open URL`; the last one
// is a JSON object. The tool is called, the access token is given back (RFC 7009), and the tool is called again and again until the client has renewed its token, and once more;
// with `once` it is called this once.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const PATIENCE_MS = 60_000;

const [from, url, tool, input, times] = process.argv.slice(2);
const { Client, StreamableHTTPClientTransport, UnauthorizedError } = from === 'client'
  ? await import('@modelcontextprotocol/client')
  : {
    ...await import('@modelcontextprotocol/sdk/client/index.js'),
    ...await import('@modelcontextprotocol/sdk/client/streamableHttp.js'),
    ...await import('@modelcontextprotocol/sdk/client/auth.js'),
  };

const callback = createServer();
callback.listen(0, '127.0.0.1');
await once(callback, 'listening');
const redirectUrl = `http://127.0.0.1:${callback.address().port}/signed-in`;
const kept = {};
const requests = [];

const provider = {
  redirectUrl,
  clientMetadata: { client_name: `Interop ${from}`, redirect_uris: [redirectUrl], grant_types: ['authorization_code', 'refresh_token'], token_endpoint_auth_method: 'none' },
  state: () => 'as-it-was',
  clientInformation: () => kept.client,
  saveClientInformation(client) { kept.client = client; },
  tokens: () => kept.tokens,
  saveTokens(tokens) { kept.tokens = tokens; },
  codeVerifier: () => kept.verifier,
  saveCodeVerifier(verifier) { kept.verifier = verifier; },
  discoveryState: () => kept.discovery,
  saveDiscoveryState(state) { kept.discovery = state; },
  redirectToAuthorization(where) { console.log(`open ${where.href}`); },
};

async function recordingFetch(target, init) {
  const response = await fetch(target, init);
  const grant = /grant_type=(\w+)/.exec(String(init?.body))?.[1];
  requests.push([init?.method ?? 'GET', new URL(target).pathname, grant, response.status].filter(Boolean).join(' '));
  return response;
}

async function comesBack() {
  const [request, response] = await once(callback, 'request');
  response.setHeader('connection', 'close').end('Back at the client.');
  callback.close();
  return new URL(request.url, redirectUrl).searchParams;
}

function connect() {
  const client = new Client({ name: 'interop-sign-in', version: '1' });
  const transport = new StreamableHTTPClientTransport(new URL(url), { authProvider: provider, fetch: recordingFetch });
  return { client, transport, done: client.connect(transport) };
}

async function run() {
  const first = connect();
  const answer = comesBack();
  const refused = await first.done.then(() => undefined, (error) => error);
  if (!(refused instanceof UnauthorizedError)) throw refused ?? new Error('it came in without a token');
  const params = await answer;
  // The one takes all of the answer and checks `iss`; the other the code alone.
  await first.transport.finishAuth(from === 'client' ? params : params.get('code'));
  const { client, done } = connect();
  await done;
  const call = async () => (await client.callTool({ name: tool, arguments: JSON.parse(input) })).content.map((item) => item.text).join('\n');
  const texts = [await call()];
  const before = { ...kept.tokens };
  if (times !== 'once') await renew(before, texts, call);
  await client.close();
  return {
    texts,
    refreshed: kept.tokens.access_token !== before.access_token && kept.tokens.refresh_token !== before.refresh_token,
    state: params.get('state'),
    secrets: [before, kept.tokens].flatMap((tokens) => [tokens.access_token, tokens.refresh_token]),
  };
}

async function renew(before, texts, call) {
  const { revocation_endpoint: endpoint } = await (await fetch(new URL('/.well-known/oauth-authorization-server', url))).json();
  const body = new URLSearchParams({ token: before.access_token, token_type_hint: 'access_token', client_id: kept.client.client_id });
  requests.push(`revoke ${(await fetch(endpoint, { method: 'POST', body })).status}`);
  for (let waited = 0; kept.tokens.access_token === before.access_token && waited < PATIENCE_MS; waited += 1000) {
    texts.push(await call());
    await sleep(1000);
  }
  texts.push(await call());
}

const outcome = await run().catch((error) => ({ error: `${error.constructor.name}: ${error.message}`, cause: error.cause && String(error.cause) }));
process.stdout.write(`${JSON.stringify({ ...outcome, requests })}\n`, () => process.exit(0));
