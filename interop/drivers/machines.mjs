// The official TypeScript SDK client where no person is there, against the door's own authorization server:
//
//     node machines.mjs URL '{"way": "key", "client": "robot", "key": {…}, "dpop": false, "call": ["read_text_file", {…}]}'
//     node machines.mjs URL '{"way": "provider", "client": "agent", "secret": "…", "port": 33419, "key": {…}, "call": […]}'
//
// `key` is a private JWK (ES256). With `"way": "key"` the client proves itself with it (private_key_jwt); with `"way": "provider"` this program is the identity
// provider at that port as well, and gives the client assertions (ID-JAG) that it signs with the key. The outcome is one JSON object on stdout.
import { createServer } from 'node:http';
import { randomUUID } from 'node:crypto';
import { Client, CrossAppAccessProvider, DpopSession, PrivateKeyJwtProvider, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { SignJWT, importJWK } from 'jose';

const [url, settings] = process.argv.slice(2);
const { way, client: clientId, secret, port, key, dpop = false, call } = JSON.parse(settings);
const schemes = [];
const tokens = [];

async function providerAt(port) {
  const issuer = `http://127.0.0.1:${port}`;
  const { d: _, ...publicKey } = key;
  const documents = {
    '/.well-known/oauth-authorization-server': { issuer, jwks_uri: `${issuer}/jwks`, token_endpoint: `${issuer}/token` },
    '/jwks': { keys: [{ ...publicKey, kid: 'one', alg: 'ES256', use: 'sig' }] },
  };
  const server = createServer((request, response) => {
    const document = documents[request.url];
    response.writeHead(document ? 200 : 404, { 'content-type': 'application/json' }).end(JSON.stringify(document ?? {}));
  });
  await new Promise((listening) => { server.listen(port, '127.0.0.1', listening); });
  const signer = await importJWK(key, 'ES256');
  const assertion = ({ authorizationServerUrl, resourceUrl, scope }) => new SignJWT({ client_id: clientId, resource: resourceUrl, scope, groups: ['staff'] })
    .setProtectedHeader({ alg: 'ES256', typ: 'oauth-id-jag+jwt', kid: 'one' })
    .setIssuer(issuer).setSubject('ada').setAudience(String(authorizationServerUrl)).setJti(randomUUID()).setIssuedAt().setExpirationTime('5m')
    .sign(signer);
  return { server, assertion };
}

async function recordingFetch(target, init) {
  const response = await fetch(target, init);
  const path = new URL(target).pathname;
  if (path.startsWith('/mcp/')) schemes.push(new Headers(init?.headers).get('authorization')?.split(' ')[0] ?? null);
  if (path === '/token') tokens.push(await response.clone().json());
  return response;
}

async function run() {
  const provider = way === 'provider' && await providerAt(port);
  const expectedIssuer = new URL(url).origin;
  const session = dpop && await DpopSession.create();
  const authProvider = provider
    ? new CrossAppAccessProvider({ clientId, clientSecret: secret, assertion: provider.assertion, fetchFn: recordingFetch, expectedIssuer })
    : new PrivateKeyJwtProvider({ clientId, privateKey: key, algorithm: 'ES256', expectedIssuer });
  if (session) authProvider.dpop = () => session;
  const client = new Client({ name: 'interop-machine', version: '1' });
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { authProvider, fetch: recordingFetch }));
  const result = await client.callTool({ name: call[0], arguments: call[1] });
  await client.close();
  provider?.server?.close();
  const types = tokens.map((answer) => answer.token_type ?? answer.error);
  return { text: result.content.map((item) => item.text ?? '').join('\n'), schemes: [...new Set(schemes)], types, tokens: tokens.map((answer) => answer.access_token) };
}

run().then(
  (seen) => { console.log(JSON.stringify(seen)); process.exit(0); },
  (error) => { console.error(error, JSON.stringify(tokens)); process.exit(1); },
);
