// The description of a client that goes by the address of its description (Client ID Metadata Document), served by https.
//
//     node description.mjs CERTIFICATE KEY     files in PEM, for `localhost`; the first line on stdout is the client's id
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';

const [certificate, key] = process.argv.slice(2).map((file) => readFileSync(file));
let id;
const server = createServer({ cert: certificate, key }, (request, response) => {
  const description = { client_id: id, client_name: 'Inkwell', redirect_uris: ['https://inkwell.example/callback'], token_endpoint_auth_method: 'none' };
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(description));
});
server.listen(0, '127.0.0.1', () => {
  id = `https://localhost:${server.address().port}/client.json`;
  process.stdout.write(`${id}\n`);
});
process.stdin.on('end', () => process.exit()).resume();
