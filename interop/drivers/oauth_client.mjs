// The official TypeScript SDK client with its own OAuth client, which signs a person in and steps up by itself:
//
//     node oauth_client.mjs URL NAMES '{"client": "caller", "era": "legacy", "calls": [["search_files", {…}], …], "dpop": false}'
//
// NAMES is what the person types where somebody asks for a login (see person.mjs). The outcome is one JSON object on stdout: the scopes of each authorization
// that the client asked its person for, the status of each answer to a call of a tool, what the calls came to, and how each request showed its token.
import { Client, DpopSession, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client';
import { Browser } from './person.mjs';

const [url, names, settings = '{}'] = process.argv.slice(2);
const { client: clientId = 'caller', era = 'legacy', calls = [], dpop = false } = JSON.parse(settings);
const redirectUrl = 'http://127.0.0.1:33418/signed-in';

const person = new Browser();
const authorizations = [];
const statuses = [];
const schemes = [];
const kept = {};
const session = dpop && await DpopSession.create();
let answer;

const provider = {
  redirectUrl,
  clientMetadata: { client_name: 'interop', redirect_uris: [redirectUrl], token_endpoint_auth_method: 'none' },
  clientInformation: () => ({ client_id: clientId }),
  tokens: () => kept.tokens,
  saveTokens(tokens) { kept.tokens = tokens; },
  codeVerifier: () => kept.verifier,
  saveCodeVerifier(verifier) { kept.verifier = verifier; },
  discoveryState: () => kept.discovery,
  saveDiscoveryState(state) { kept.discovery = state; },
  invalidateCredentials(what) { if (what === 'tokens' || what === 'all') delete kept.tokens; },
  async redirectToAuthorization(where) {
    authorizations.push(where.searchParams.get('scope') ?? '');
    const page = await person.walk(where.href, names, { before: new URL(redirectUrl).pathname });
    if (!page.stopped) throw new Error(`nobody came back: ${page.status} ${page.text}`);
    answer = new URL(page.stopped).searchParams;
  },
  ...(session && { dpop: () => session }),
};

async function recordingFetch(target, init) {
  const response = await fetch(target, init);
  if (new URL(target).pathname.startsWith('/mcp/')) schemes.push(new Headers(init?.headers).get('authorization')?.split(' ')[0] ?? null);
  if (init?.body && String(init.body).includes('"tools/call"')) statuses.push(response.status);
  return response;
}

// Does it, and once more for each time that the person has been sent to sign in meanwhile.
async function signingIn(transport, attempt) {
  try {
    return await attempt();
  } catch (error) {
    if (!(error instanceof UnauthorizedError) || !answer) throw error;
    const params = answer;
    answer = undefined;
    await transport.finishAuth(params);
    return undefined;
  }
}

async function connect() {
  for (let tries = 0; tries < 3; tries += 1) {
    const client = new Client({ name: 'interop-oauth', version: '1' }, { versionNegotiation: { mode: era === 'modern' ? { pin: '2026-07-28' } : era } });
    const transport = new StreamableHTTPClientTransport(new URL(url), { authProvider: provider, fetch: recordingFetch });
    const connected = await signingIn(transport, async () => { await client.connect(transport); return true; });
    if (connected) return { client, transport };
  }
  throw new Error('the client never got in');
}

async function run() {
  const { client, transport } = await connect();
  const results = [];
  for (const [name, input] of calls) {
    const call = async () => {
      const result = await client.callTool({ name, arguments: input });
      return { text: result.content.map((item) => item.text ?? '').join('\n'), failed: result.isError ?? false };
    };
    results.push(await signingIn(transport, call) ?? await signingIn(transport, call) ?? { failed: true });
  }
  await client.close();
  return { results };
}

const outcome = await run().catch((error) => ({ error: { name: error.constructor.name, message: error.message, cause: error.cause && String(error.cause) } }));
process.stdout.write(`${JSON.stringify({ ...outcome, authorizations, statuses, schemes })}\n`, () => process.exit(0));
