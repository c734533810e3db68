// A real identity provider of other people, npm's oidc-provider, that issues JWT access tokens (RFC 9068) to one client
// by the client credentials grant, for any resource on loopback (RFC 8707).
//
//     node issuer.mjs SCOPES         the first line on stdout is the issuer
//
// Then a word on stdin does something, and a line on stdout says that it is done:
//     rotate   new signing keys, under the same issuer; the old ones are gone
//     close    stops answering
//     fetches  how often the key set was fetched until now: `fetches: 3`
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import Provider, { errors } from 'oidc-provider';

const scope = process.argv[2];
let fetches = 0;
let answer;
const server = createServer((request, response) => answer(request, response));
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const issuer = `http://127.0.0.1:${server.address().port}`;

function signingKey(type, options, algorithm) {
  return { ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }), kid: randomUUID(), alg: algorithm, use: 'sig' };
}

function describeResource(context, resource) {
  if (!resource.startsWith('http://127.0.0.1:')) throw new errors.InvalidTarget();
  return { scope, audience: resource, accessTokenFormat: 'jwt', accessTokenTTL: 300, jwt: { sign: { alg: 'ES256' } } };
}

function useNewKeys() {
  const provider = new Provider(issuer, {
    jwks: { keys: [signingKey('ec', { namedCurve: 'P-256' }, 'ES256'), signingKey('rsa', { modulusLength: 2048 }, 'RS256')] },
    cookies: { keys: [randomUUID()] },
    ttl: { ClientCredentials: 300 },
    scopes: scope.split(' '),
    clients: [{
      client_id: 'robot', client_secret: 'a-secret-of-the-interop-tests-only', scope,
      grant_types: ['client_credentials'], redirect_uris: [], response_types: [],
    }],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: { enabled: true, getResourceServerInfo: describeResource },
    },
  });
  provider.use(async (context, next) => {
    if (context.path === '/jwks') fetches += 1;
    await next();
  });
  answer = provider.callback();
}

const say = (line) => process.stdout.write(`${line}\n`);

const deeds = {
  rotate() { useNewKeys(); say('rotated'); },
  close() { server.close(() => say('closed')); server.closeAllConnections(); },
  fetches() { say(`fetches: ${fetches}`); },
};

useNewKeys();
say(issuer);
createInterface({ input: process.stdin }).on('line', (word) => deeds[word]()).on('close', () => process.exit(0));
