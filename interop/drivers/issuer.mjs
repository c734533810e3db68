// A real identity provider of other people, npm's oidc-provider, that issues JWT access tokens (RFC 9068) for any resource
// on loopback (RFC 8707): to the clients `robot` and `robin`, who call the door, by the client credentials grant; to `door`
// by that grant and by token exchange (RFC 8693); to `signer`, who proves itself by private_key_jwt, by that grant; to `people`, for whoever
// signs in with a browser, by the authorization code grant with refresh tokens that are good once; to `caller`, a public client, by the same. Whoever types a
// name is believed. Tokens may be bound to a key (RFC 9449). `door` may ask about tokens (RFC 7662), and whoever got one may take it back (RFC 7009).
//
// `federated` is for a server that lets people sign in here: what it is told of them, it is told at the userinfo endpoint.
//
//     node issuer.mjs SCOPES [KEY] [slash]   the first line on stdout is the issuer, with a slash at its end or without; signer's private key is written to the file KEY
//
// Then a word on stdin does something, and a line on stdout says that it is done:
//     rotate   new signing keys, under the same issuer; the old ones are gone
//     close    stops answering
//     open     answers again
//     fetches  how often the key set was fetched until now: `fetches: 3`
//     asked    how often somebody asked about a token until now: `asked: 3`
//     grants   how often somebody asked for a token until now: `grants: 3`
//     opaque   from now on access tokens are no JWTs
//     hurry    from now on access tokens are good for two seconds
//     end      no refresh token that was given until now is good any more
//     held     how many refresh tokens are good: `held: 1`
//     requests how many requests have come: `requests: 5`
//     fail     from now on every answer is 503
//     mend     no longer
//     delay    from now on every answer takes half a second
//     groups JSON   the groups that everybody is in
//     forge JSON    from now on these claims stand in id tokens instead of the true ones
//     given    every token that was given until now: `given: ["…", …]`
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, importJWK, jwtVerify, SignJWT } from 'jose';
import Provider, { errors } from 'oidc-provider';

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const [scope, keyFile, slash] = process.argv.slice(2);
let fetches = 0;
let grants = 0;
let asked = 0;
let accessTokenFormat = 'jwt';
let lifetime = 300;
let requests = 0;
let isFailing = false;
let delay = 0;
let groups = [];
let forgery;
const given = [];
const refreshTokens = new Map();
let answer;
const server = createServer(async (request, response) => {
  requests += 1;
  await sleep(delay);
  if (isFailing) response.writeHead(503).end();
  else answer(request, response);
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address();
const issuer = `http://127.0.0.1:${port}${slash ? '/' : ''}`;
const signer = generateKeyPairSync('ec', { namedCurve: 'P-256' });
if (keyFile) writeFileSync(keyFile, signer.privateKey.export({ format: 'pem', type: 'pkcs8' }), { mode: 0o600 });

function signingKey(type, options, algorithm) {
  return { ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }), kid: randomUUID(), alg: algorithm, use: 'sig' };
}

function describeResource(context, resource) {
  if (!resource.startsWith('http://127.0.0.1:')) throw new errors.InvalidTarget();
  return { scope, audience: resource, accessTokenFormat, accessTokenTTL: lifetime, jwt: { sign: { alg: 'ES256' } } };
}

const client = (id, more = {}) => ({
  client_id: id, client_secret: `a-secret-of-the-interop-tests-for-${id}`, scope,
  grant_types: ['client_credentials'], redirect_uris: [], response_types: [], ...more,
});

// A token for somebody else, in exchange for theirs: the same subject, no more scopes than before, and who acts for them.
async function exchange(provider, keys, context) {
  const { params, client } = context.oidc;
  if (params.subject_token_type !== ACCESS_TOKEN) throw new errors.InvalidRequest('subject_token_type');
  const { payload: subject } = await jwtVerify(params.subject_token, keys, { issuer }).catch(() => {
    throw new errors.InvalidGrant('the subject token is not good');
  });
  const held = (subject.scope ?? '').split(' ');
  const wanted = (params.scope ?? subject.scope).split(' ').filter((one) => held.includes(one)).join(' ');
  const token = new provider.AccessToken({ accountId: subject.sub, client, gty: 'token_exchange', scope: wanted, extra: { act: { sub: client.clientId } } });
  token.resourceServer = new provider.ResourceServer(params.resource, describeResource(context, params.resource));
  context.body = { access_token: await token.save(), issued_token_type: ACCESS_TOKEN, token_type: 'Bearer', expires_in: token.expiration, scope: wanted };
}

async function forged(token, keys) {
  const header = decodeProtectedHeader(token);
  const key = await importJWK(keys.find(({ kid }) => kid === header.kid), header.alg);
  return new SignJWT({ ...decodeJwt(token), ...forgery }).setProtectedHeader(header).sign(key);
}

const person = (id) => ({ sub: id, name: `${id} of the tests`, email: `${id}@example.com`, email_verified: !id.startsWith('unverified'), groups });

function useNewKeys() {
  const jwks = { keys: [signingKey('ec', { namedCurve: 'P-256' }, 'ES256'), signingKey('rsa', { modulusLength: 2048 }, 'RS256')] };
  const provider = new Provider(issuer, {
    jwks,
    cookies: { keys: [randomUUID()] },
    ttl: { ClientCredentials: 300 },
    scopes: [...scope.split(' '), 'openid', 'offline_access'],
    claims: { profile: ['name'], email: ['email', 'email_verified'], groups: ['groups'] },
    findAccount: (context, id) => ({ accountId: id, claims: () => person(id) }),
    issueRefreshToken: () => true,
    rotateRefreshToken: true,
    clients: [
      client('robot'),
      client('robin'),
      client('people', {
        scope: `${scope} openid offline_access`, grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'],
        // Of a native client the port on loopback does not count (RFC 8252 §7.3).
        application_type: 'native', redirect_uris: ['http://127.0.0.1/connections/back/docs', `http://127.0.0.1/connections/signed-in/127.0.0.1-${port}`],
      }),
      client('caller', {
        client_secret: undefined, token_endpoint_auth_method: 'none', grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'],
        application_type: 'native', redirect_uris: ['http://127.0.0.1/signed-in'],
      }),
      client('federated', {
        scope: 'openid profile email groups', grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'],
        application_type: 'native', redirect_uris: ['http://127.0.0.1/authorize/back/idp'],
      }),
      client('door', { grant_types: ['client_credentials', EXCHANGE] }),
      client('signer', {
        client_secret: undefined, token_endpoint_auth_method: 'private_key_jwt', token_endpoint_auth_signing_alg: 'ES256',
        jwks: { keys: [{ ...signer.publicKey.export({ format: 'jwk' }), kid: 'signer-1', alg: 'ES256', use: 'sig' }] },
      }),
    ],
    clientAuthMethods: ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    extraTokenClaims: (context, token) => token.extra,
    features: {
      devInteractions: { enabled: true },
      revocation: { enabled: true },
      introspection: { enabled: true, allowedPolicy: (context, client) => client.clientId === 'door' },
      dPoP: { enabled: true },
      clientCredentials: { enabled: true },
      resourceIndicators: { enabled: true, getResourceServerInfo: describeResource },
    },
  });
  const keys = createLocalJWKSet({ keys: jwks.keys.map(({ kty, crv, x, y, n, e, kid, alg }) => ({ kty, crv, x, y, n, e, kid, alg })) });
  const parameters = ['subject_token', 'subject_token_type', 'requested_token_type', 'resource', 'audience', 'scope'];
  provider.registerGrantType(EXCHANGE, (context) => exchange(provider, keys, context), parameters);
  provider.use(async (context, next) => {
    if (context.path === '/jwks') fetches += 1;
    if (context.path === '/token') grants += 1;
    if (context.path === '/token/introspection') asked += 1;
    await next();
    if (forgery && context.body?.id_token) context.body.id_token = await forged(context.body.id_token, jwks.keys);
    if (context.path === '/token') given.push(...['access_token', 'refresh_token', 'id_token'].flatMap((kind) => context.body?.[kind] ?? []));
  });
  provider.on('refresh_token.saved', (token) => refreshTokens.set(token.jti, token));
  provider.on('refresh_token.consumed', (token) => refreshTokens.delete(token.jti));
  provider.on('refresh_token.destroyed', (token) => refreshTokens.delete(token.jti));
  answer = provider.callback();
}

const say = (line) => process.stdout.write(`${line}\n`);

const deeds = {
  rotate() { useNewKeys(); say('rotated'); },
  close() { server.close(() => say('closed')); server.closeAllConnections(); },
  open() { server.listen(port, '127.0.0.1', () => say('opened')); },
  fetches() { say(`fetches: ${fetches}`); },
  opaque() { accessTokenFormat = 'opaque'; say('made opaque'); },
  asked() { say(`asked: ${asked}`); },
  hurry() { lifetime = 2; say('hurried'); },
  async end() { await Promise.all([...refreshTokens.values()].map((token) => token.destroy())); say('ended'); },
  held() { say(`held: ${refreshTokens.size}`); },
  given() { say(`given: ${JSON.stringify(given)}`); },
  grants() { say(`grants: ${grants}`); },
  requests() { say(`requests: ${requests}`); },
  fail() { isFailing = true; say('failing'); },
  mend() { isFailing = false; say('mended'); },
  delay() { delay = 500; say('delayed'); },
  groups(names) { groups = JSON.parse(names); say('grouped'); },
  forge(claims) { forgery = JSON.parse(claims); say('forged'); },
};

useNewKeys();
say(issuer);
createInterface({ input: process.stdin }).on('line', (line) => {
  const [word, ...rest] = line.split(' ');
  deeds[word](rest.join(' '));
}).on('close', () => process.exit(0));
