// An MCP server made with the official SDK, which speaks both eras, behind the SDK's own bearer check: nobody comes in without a token of one issuer that is for
// this very server and grants a scope.
//
//     node protected.mjs ISSUER SCOPE     the first line on stdout is its URL
//
// Its one tool, `whoami`, tells what the token says. The word `forget` on stdin makes it fetch the issuer's keys anew.
import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import { serve } from '@hono/node-server';
import {
  McpServer, OAuthError, OAuthErrorCode, WebStandardStreamableHTTPServerTransport, createMcpHandler, isLegacyRequest, requireBearerAuth,
} from '@modelcontextprotocol/server';
import { createRemoteJWKSet, jwtVerify } from 'jose';

const [issuer, scope] = process.argv.slice(2);
const fetchKeys = () => createRemoteJWKSet(new URL(`${issuer}/jwks`), { cooldownDuration: 0 });
let keys = fetchKeys();
let url;

async function verifyAccessToken(token) {
  const { payload } = await jwtVerify(token, keys, { issuer, audience: url, typ: 'at+jwt' }).catch((error) => {
    throw new OAuthError(OAuthErrorCode.InvalidToken, error.code ?? 'bad token');
  });
  return { token, clientId: payload.client_id, scopes: (payload.scope ?? '').split(' '), expiresAt: payload.exp, extra: payload };
}

function whoever() {
  const server = new McpServer({ name: 'protected', version: '1' });
  server.registerTool('whoami', { description: 'What the token says' }, ({ http }) => {
    const { sub, aud, act, scope: scopes, client_id: client } = http.authInfo.extra;
    return { content: [{ type: 'text', text: JSON.stringify({ sub, aud, act, scope: scopes, client }) }] };
  });
  return server;
}

const modern = createMcpHandler(whoever, { legacy: 'reject' });
const sessions = new Map();

async function legacy(request, caller) {
  const known = sessions.get(request.headers.get('mcp-session-id'));
  const transport = known ?? new WebStandardStreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    onsessioninitialized: (id) => sessions.set(id, transport),
    onsessionclosed: (id) => sessions.delete(id),
  });
  if (!known) await whoever().connect(transport);
  return transport.handleRequest(request, caller);
}

const check = requireBearerAuth({ verifier: { verifyAccessToken }, requiredScopes: [scope] });

async function answer(request) {
  const authInfo = await check(request);
  if (authInfo instanceof Response) return authInfo;
  return await isLegacyRequest(request) ? legacy(request, { authInfo }) : modern.fetch(request, { authInfo });
}

const say = (line) => process.stdout.write(`${line}\n`);
serve({ fetch: answer, hostname: '127.0.0.1', port: 0 }, ({ port }) => {
  url = `http://127.0.0.1:${port}/mcp`;
  say(url);
});
createInterface({ input: process.stdin })
  .on('line', () => { keys = fetchKeys(); say('forgotten'); })
  .on('close', () => process.exit(0));
