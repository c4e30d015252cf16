// Runs the pipeline bench with Signalbox beside Node-RED and the reference: node test/bench/pipeline/run.mjs
// Settings of README.md hold (RATES, SECS, REPS …). Names of systems may follow; the default is all three.
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('.', import.meta.url));
const token = `sbx_${randomBytes(8).toString('hex')}_${randomBytes(32).toString('base64url')}`;
const port = process.env.WS_PORT ?? '21900';
const make = spawnSync('make', ['-s'], { cwd: folder, stdio: 'inherit' });
if (make.status !== 0) process.exit(1);

const subscription = {
  op: 'subscribe',
  sub: 'v',
  topic: 'assets',
  fields: ['values.seq', 'values.mono_us', 'values.temperature_bearing_de_c'],
};
const { status } = spawnSync(
  process.execPath,
  ['peer.mjs', ...(process.argv.length > 2 ? process.argv.slice(2) : ['nodered', 'reference', 'signalbox'])],
  {
    cwd: folder,
    stdio: 'inherit',
    env: {
      // As bin/signalbox.mjs starts it.
      SUT_CMD: `${process.execPath} --v8-pool-size=1 --max-semi-space-size=4 product.mjs`,
      SUT_CWD: folder,
      SUT_READY: 'Ctrl-C stops',
      WS_PATH: '/ws',
      WS_PORT: port,
      WS_FIRST_FRAME: JSON.stringify(subscription),
      WS_AUTHORIZATION: `Bearer ${token}`,
      BENCH_TOKEN: token,
      // One per message, counted when the asset's rules have seen it.
      COUNT_CMD: `curl -s -H "Authorization: Bearer ${token}" http://127.0.0.1:${port}/metrics | awk '/^signalbox_observed_records_total.*asset/ {n += $NF} END {printf "%d", n}'`,
      ...process.env,
    },
  },
);
process.exit(status ?? 1);
