// An MCP server made with the official SDK, behind the SDK's own bearer check: nobody comes in without a token of one issuer
// that is for this very server and grants a scope.
//
//     node protected.mjs ISSUER SCOPE     the first line on stdout is its URL
//
// Its one tool, `whoami`, tells what the token says. The word `forget` on stdin makes it fetch the issuer's keys anew.
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js';
import { InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js';
import express from 'express';
import { createRemoteJWKSet, jwtVerify } from 'jose';

const [issuer, scope] = process.argv.slice(2);
const fetchKeys = () => createRemoteJWKSet(new URL(`${issuer}/jwks`), { cooldownDuration: 0 });
let keys = fetchKeys();

const app = express().use(express.json());
const listener = app.listen(0, '127.0.0.1');
await once(listener, 'listening');
const url = `http://127.0.0.1:${listener.address().port}/mcp`;

async function verifyAccessToken(token) {
  const { payload } = await jwtVerify(token, keys, { issuer, audience: url, typ: 'at+jwt' }).catch((error) => {
    throw new InvalidTokenError(error.code ?? 'bad token');
  });
  return { token, clientId: payload.client_id, scopes: (payload.scope ?? '').split(' '), expiresAt: payload.exp, extra: payload };
}

app.post('/mcp', requireBearerAuth({ verifier: { verifyAccessToken }, requiredScopes: [scope] }), async (request, response) => {
  const server = new McpServer({ name: 'protected', version: '1' });
  server.registerTool('whoami', { description: 'What the token says' }, ({ authInfo }) => {
    const { sub, aud, act, scope: scopes, client_id: client } = authInfo.extra;
    return { content: [{ type: 'text', text: JSON.stringify({ sub, aud, act, scope: scopes, client }) }] };
  });
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
  response.on('close', () => { transport.close(); server.close(); });
  await server.connect(transport);
  await transport.handleRequest(request, response, request.body);
});

const say = (line) => process.stdout.write(`${line}\n`);
say(url);
createInterface({ input: process.stdin })
  .on('line', () => { keys = fetchKeys(); say('forgotten'); })
  .on('close', () => process.exit(0));
