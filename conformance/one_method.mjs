// A reverse proxy whose metadata offers one way for clients to prove who they are; everything else passes as it is.
//
//   one_method.mjs METHOD ORIGIN    says where it listens
//
// The harness takes `none` where that is offered too, and so would never send a client's secret.
import { createServer, request } from "node:http";

const [method, origin] = process.argv.slice(2);
const to = new URL(origin);

const server = createServer((incoming, answer) => {
  const outgoing = request({ host: to.hostname, port: to.port, method: incoming.method, path: incoming.url, headers: incoming.headers }, (response) => {
    if (!incoming.url.startsWith("/.well-known/")) {
      answer.writeHead(response.statusCode, response.headers);
      response.pipe(answer);
      return;
    }
    const chunks = [];
    response.on("data", (chunk) => chunks.push(chunk));
    response.on("end", () => {
      const text = Buffer.concat(chunks).toString();
      const body = response.statusCode === 200 ? narrowed(text) : text;
      answer.writeHead(response.statusCode, { ...response.headers, "content-length": Buffer.byteLength(body) });
      answer.end(body);
    });
  });
  outgoing.on("error", (error) => answer.writeHead(502).end(String(error)));
  incoming.pipe(outgoing);
});

function narrowed(text) {
  const document = JSON.parse(text);
  if (!document.token_endpoint_auth_methods_supported?.includes(method)) return text;
  return JSON.stringify({ ...document, token_endpoint_auth_methods_supported: [method] });
}

server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
