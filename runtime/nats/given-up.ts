import type { Socket } from 'node:net';
import { NodeTransport } from 'nats/lib/src/node_transport.js';

/**
 * nats.js 2.29 forgets an attempt to connect that got no answer in time, and leaves its socket open. Where a server hangs, or
 * something else listens that says nothing, each attempt adds one, and a process that should end does not. When the server
 * goes on it greets them all and drops them as they do not log in; the client takes the end of each for that of the connection
 * that it has by then, dials once more, and from there on reads two connections at once: every message comes twice.
 *
 * To be imported by whatever connects. An attempt that is given up is closed, also where it gets through only afterwards.
 */
const { close, dial } = NodeTransport.prototype;
const givenUp = new WeakSet<NodeTransport>();

NodeTransport.prototype.close = function (this: NodeTransport, error?: Error): Promise<void> {
  if (!this.connected) {
    givenUp.add(this);
    // Not there yet while the host has not taken the connection.
    const socket: Socket | undefined = this.socket;
    socket?.destroy();
  }
  return close.call(this, error);
};

NodeTransport.prototype.dial = async function (this: NodeTransport, host): Promise<Socket> {
  const socket = await dial.call(this, host);
  if (givenUp.has(this)) {
    socket.destroy();
    throw new Error('the attempt to connect was given up');
  }
  return socket;
};
