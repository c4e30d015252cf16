// Takes a work order from its creation to its end over REST.
//   node docs/examples/work-order.mjs http://127.0.0.1:8080 sbx_… pump-2
const [server, token, asset] = process.argv.slice(2);
if (!server || !token || !asset) {
  console.error('usage: work-order.mjs SERVER TOKEN ASSET');
  process.exit(2);
}

async function call(method, path, body) {
  const response = await fetch(new URL(`/api/v1${path}`, server), {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      // Kept when a request has to be repeated: then it is carried out once, and the first answer comes again.
      'idempotency-key': crypto.randomUUID(),
      ...(body && { 'content-type': 'application/json' }),
    },
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(`${response.status} ${answer.error.code}: ${answer.error.message}`);
  return answer;
}

const { result } = await call('POST', '/workorders', {
  title: 'Look at the seal',
  asset,
  dueInHours: 24,
  checklist: [{ item: 'Leakage', kind: 'number', unit: 'ml/h', min: 0, max: 100 }],
});
const order = `/workorders/${result.number}`;
const go = (transition, body = {}) => call('POST', `${order}/transitions/${transition}`, body);

await call('POST', `${order}/assign`, { to: 'mira' });
await go('schedule', { scheduledForMs: Date.now() + 3_600_000 });
await go('start');
await go('hold', { holdReason: 'awaiting_parts', note: 'seal ordered' });
await go('resume');
await call('POST', `${order}/checklist/0/complete`, { value: 12 });
await go('complete');
await go('close');
const { props, history } = await call('GET', order);
console.log(`${result.number} is ${props.state}`);
for (const { from, to, by } of Object.values(history)) console.log(`${from} -> ${to} by ${by}`);
