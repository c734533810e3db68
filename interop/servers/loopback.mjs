// Keeps a server of other people on loopback, at a port that the system chooses or LOOPBACK_PORT names, and says where:
//
//     node --import ./loopback.mjs …/server-everything/dist/index.js streamableHttp
//
// Such servers listen on every interface and at a fixed port. Nothing else of them is changed.
import { Server } from 'node:net';

const listen = Server.prototype.listen;

Server.prototype.listen = function listenOnLoopback(...options) {
  const whenListening = options.find((option) => typeof option === 'function');
  this.once('listening', () => process.stdout.write(`http://127.0.0.1:${this.address().port}/mcp\n`));
  return listen.call(this, { host: '127.0.0.1', port: Number(process.env.LOOPBACK_PORT ?? 0) }, whenListening);
};
