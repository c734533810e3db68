// A second identity provider of other people, Debian's glewlwyd, at which people sign in with a password. It shares no line with npm's oidc-provider, and differs where providers may: its metadata is only
// that of OpenID Connect, its issuer has a path, its tokens are of type `bearer` in small letters, its subjects are random, it gives no id token at a renewal, and refuses a refresh token without a word.
//
// `federated` is for a server that lets people sign in here. `ada` and `eve` have accounts, with `a password of ada` and the like.
//
//     node glewlwyd.mjs UNPACKED [odd]   where Debian's packages are unpacked; the first line on stdout is the issuer. Where it is odd, its endpoints hold two slashes in a row, and people have
//                                        another subject for each sector of clients
//
// It stands behind a front of ours, which counts what passes through and changes nothing. A word on stdin does something, and a line on stdout says that it is done:
//     back URL           where `federated` may send people back to
//     groups NAME JSON   the groups that somebody is in
//     dismiss NAME       somebody has no account any more
//     close    stops it
//     open     starts it again, with all that it knew
//     grants   how often somebody asked for a token until now: `grants: 3`
//     given    every token that was given until now: `given: ["…", …]`
import { spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';

const KINDS = { '.html': 'text/html', '.css': 'text/css', '.js': 'text/javascript', '.json': 'application/json', '.ico': 'image/x-icon', '.png': 'image/png', '.woff2': 'font/woff2' };
const [unpacked, odd] = process.argv.slice(2);
const folder = mkdtempSync(`${tmpdir()}/glewlwyd-`);
const given = [];
const people = new Map();
let grants = 0;
let provider;
let behind;
let cookie = '';

const front = createServer((request, response) => pass(request, response).catch(() => response.writeHead(502).end()));
const port = await listen(front);
const origin = `http://127.0.0.1:${port}`;
const issuer = `${origin}/api/oidc`;

async function listen(server, at = 0) {
  server.listen(at, '127.0.0.1');
  await once(server, 'listening');
  return server.address().port;
}

async function freePort() {
  const server = createServer();
  const found = await listen(server);
  server.close();
  return found;
}

async function pass(request, response) {
  const body = Buffer.concat(await request.toArray());
  const { connection, host, ...headers } = request.headers;
  const answer = await fetch(`http://127.0.0.1:${behind}${request.url}`, {
    method: request.method, headers: { ...headers, 'accept-encoding': 'identity' }, redirect: 'manual', ...(body.length && { body }),
  });
  const bytes = Buffer.from(await answer.arrayBuffer());
  if (/\/token$/.test(request.url)) count(bytes);
  const kept = [...answer.headers].filter(([name]) => !['connection', 'set-cookie', 'transfer-encoding'].includes(name));
  response.writeHead(answer.status, { ...Object.fromEntries(kept), 'set-cookie': answer.headers.getSetCookie() }).end(bytes);
}

function count(bytes) {
  grants += 1;
  const told = JSON.parse(bytes.toString() || '{}');
  given.push(...['access_token', 'refresh_token', 'id_token'].flatMap((kind) => told[kind] ?? []));
}

function configuration() {
  const below = (path) => JSON.stringify(`${unpacked}/usr/${path}`);
  return `
port = ${behind}
bind_address = "127.0.0.1"
external_url = "${origin}${odd ? '/' : ''}"
login_url = "login.html"
api_prefix = "api"
static_files_path = ${below('share/glewlwyd/pages/')}
static_files_mime_types = (${Object.entries(KINDS).map(([extension, kind]) => `{ extension = "${extension}" mime_type = "${kind}" compress = 0 }`)})
log_mode = "console"
log_level = "WARNING"
cookie_domain = "127.0.0.1"
cookie_secure = 0
session_expiration = 3600
session_key = "GLEWLWYD2_SESSION_ID"
admin_scope = "g_admin"
profile_scope = "g_profile"
user_module_path = ${below('lib/glewlwyd/user')}
client_module_path = ${below('lib/glewlwyd/client')}
user_auth_scheme_module_path = ${below('lib/glewlwyd/scheme')}
plugin_module_path = ${below('lib/glewlwyd/plugin')}
hash_algorithm = "SHA512"
database = { type = "sqlite3" path = ${JSON.stringify(`${folder}/database`)} };
`;
}

function prepare() {
  const database = new DatabaseSync(`${folder}/database`);
  database.exec('PRAGMA synchronous = OFF');
  database.exec(`BEGIN;${readFileSync(`${unpacked}/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3`)};COMMIT`);
  // What is known of people besides the name and the address.
  const format = (multiple) => `json('${JSON.stringify({ multiple, read: true, write: true })}')`;
  const formats = `'$.data-format.groups', ${format(true)}, '$.data-format.verified', ${format(false)}`;
  database.exec(`UPDATE g_user_module_instance SET gumi_parameters = json_set(gumi_parameters, ${formats})`);
  database.close();
}

// Between finding a free port and taking it somebody else may have taken it.
async function start(tries = 3) {
  behind = await freePort();
  writeFileSync(`${folder}/configuration`, configuration());
  const libraries = globSync(`${unpacked}/usr/lib/*-linux-gnu*`).join(':');
  provider = spawn(`${unpacked}/usr/bin/glewlwyd`, [`--config-file=${folder}/configuration`], {
    env: { LD_LIBRARY_PATH: libraries }, stdio: ['ignore', 'inherit', 'inherit'],
  });
  for (let looks = 0; looks < 400 && provider.exitCode === null; looks += 1) {
    if (await fetch(`http://127.0.0.1:${behind}/config`).then(({ ok }) => ok, () => false)) return;
    await sleep(50);
  }
  provider.kill('SIGKILL');
  if (tries === 1) throw new Error('glewlwyd does not answer');
  await start(tries - 1);
}

async function stop() {
  const ended = once(provider, 'exit');
  provider.kill();
  await ended;
}

// What its administrator does.
async function administer(method, path, body) {
  const answer = await fetch(`http://127.0.0.1:${behind}/api/${path}`, {
    method, headers: { 'content-type': 'application/json', cookie }, body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  const [session] = answer.headers.getSetCookie();
  if (session) cookie = session.split(';')[0];
}

function openIdConnect() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    iss: issuer, 'jwt-type': 'ecdsa', 'jwt-key-size': '256', 'jwks-show': true, 'subject-type': odd ? 'pairwise' : 'public',
    key: privateKey.export({ format: 'pem', type: 'pkcs8' }), cert: publicKey.export({ format: 'pem', type: 'spki' }),
    'access-token-duration': 300, 'refresh-token-duration': 86400, 'code-duration': 60, 'refresh-token-rolling': true, 'refresh-token-one-use': 'always',
    'allow-non-oidc': true, 'auth-type-code-enabled': true, 'auth-type-code-revoke-replayed': true, 'auth-type-token-enabled': false, 'auth-type-id-token-enabled': true,
    'auth-type-password-enabled': false, 'auth-type-client-enabled': false, 'auth-type-device-enabled': false, 'auth-type-refresh-enabled': true, 'auth-type-none-enabled': false,
    'pkce-allowed': true, 'pkce-method-plain-allowed': false, 'pkce-required': true, 'oauth-as-iss-id': true,
    // Without it the whole of this is refused.
    'oauth-par-allowed': true, 'oauth-par-duration': 90, 'oauth-par-request_uri-prefix': 'urn:ietf:params:oauth:request_uri:',
    'name-claim': 'mandatory', 'email-claim': 'mandatory',
    claims: [
      { name: 'groups', 'user-property': 'groups', type: 'string', mandatory: true },
      { name: 'email_verified', 'user-property': 'verified', type: 'boolean', 'boolean-value-true': 'yes', 'boolean-value-false': 'no', mandatory: true },
    ],
  };
}

const client = (back) => ({
  client_id: 'federated', name: 'The door', confidential: true, enabled: true, scope: [],
  client_secret: 'a-secret-of-the-interop-tests-for-federated', password: 'a-secret-of-the-interop-tests-for-federated',
  token_endpoint_auth_method: ['client_secret_basic'], authorization_type: ['code', 'refresh_token'], redirect_uri: [back],
  ...(odd && { sector_identifier_uri: 'https://door.example/sector' }),
});

function account(username, more = {}) {
  const person = { username, name: `${username} of the tests`, email: `${username}@example.com`, verified: 'yes', groups: [], scope: ['openid'], enabled: true, ...people.get(username), ...more };
  people.set(username, person);
  return person;
}

const say = (line) => process.stdout.write(`${line}\n`);

const deeds = {
  async back(url) { await administer('PUT', 'client/federated', client(url)); say('told'); },
  async groups(words) {
    const [name, groups] = words.split(/ (.*)/);
    await administer('PUT', `user/${name}`, account(name, { groups: JSON.parse(groups) }));
    say('grouped');
  },
  async dismiss(name) { await administer('DELETE', `user/${name}`); say('dismissed'); },
  async close() { front.close(); front.closeAllConnections(); await stop(); say('closed'); },
  async open() { await start(); await listen(front, port); say('opened'); },
  grants() { say(`grants: ${grants}`); },
  given() { say(`given: ${JSON.stringify(given)}`); },
};

// Leaves nothing running, and nothing behind.
process.on('exit', () => {
  provider?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});
process.on('SIGTERM', () => process.exit(0));
prepare();
await start();
await administer('POST', 'auth/', { username: 'admin', password: 'password' });
await administer('POST', 'mod/plugin', { module: 'oidc', name: 'oidc', display_name: 'OpenID Connect', parameters: openIdConnect() });
await administer('POST', 'client', client('http://127.0.0.1/nowhere'));
for (const name of ['ada', 'eve']) await administer('POST', 'user', { ...account(name), password: `a password of ${name}` });
say(issuer);
for await (const line of createInterface({ input: process.stdin })) {
  const [word, ...rest] = line.split(' ');
  await deeds[word](rest.join(' '));
}
process.exit(0);
