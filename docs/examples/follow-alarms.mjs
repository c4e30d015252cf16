// Follows the alarms of a plant: what is active now, then every transition, none left out across a lost connection.
//   node docs/examples/follow-alarms.mjs http://127.0.0.1:8080 sbx_…
import WebSocket from 'ws';

const [server, token] = process.argv.slice(2);
if (!server || !token) {
  console.error('usage: follow-alarms.mjs SERVER TOKEN');
  process.exit(2);
}
const address = new URL('/ws', server.replace(/^http/, 'ws'));

/** The last event that we have; given back after a reconnect, everything since then comes again. */
let resume;

function connect() {
  const socket = new WebSocket(address, { headers: { authorization: `Bearer ${token}` } });
  // The server says something each second: silence means a dead line, whatever the socket believes.
  let watchdog = setTimeout(() => socket.terminate(), 10_000);
  socket.on('open', () => {
    socket.send(JSON.stringify({ op: 'subscribe', sub: 'alarms', topic: 'alarms', ...(resume && { resume }) }));
  });
  socket.on('message', (data) => {
    clearTimeout(watchdog);
    watchdog = setTimeout(() => socket.terminate(), 3000);
    take(JSON.parse(data));
  });
  socket.on('unexpected-response', (_request, response) => {
    console.error(`refused: ${response.statusCode}`);
    process.exit(1);
  });
  socket.on('error', (error) => console.error(error.message));
  socket.on('close', () => {
    clearTimeout(watchdog);
    setTimeout(connect, 1000 + Math.random() * 1000);
  });
}

function take(frame) {
  switch (frame.op) {
    case 'hello':
      console.log(`connected to ${frame.organization} as ${frame.user} (${frame.role})`);
      break;
    case 'snapshot':
      for (const alarm of frame.items) if (alarm.state !== 'CLEARED') print(alarm, 'now');
      resume ??= frame.token;
      break;
    case 'event':
      for (const { kind, after, token: position } of frame.events) {
        print(after, kind);
        resume = position;
      }
      break;
    case 'error':
      console.error(`${frame.code}: ${frame.message}`);
      break;
  }
}

function print({ id, severity, detail, message }, what) {
  console.log([what, severity, detail, id, message].join('  '));
}

connect();
