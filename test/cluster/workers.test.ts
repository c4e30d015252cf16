import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { until } from '../support/condition.ts';
import { Mosquitto } from '../support/mosquitto.ts';
import { run, signalbox } from '../support/product.ts';
import { NatsServer } from '../support/servers/nats.ts';
import { PostgresServer } from '../support/servers/postgres.ts';
import { tempDir } from '../support/temp-dir.ts';
import { skip, writeCellPlant } from './plant-cell.ts';

/**
 * Goal: `start --workers 2` is a cell of two nodes that is kept up and ends as one. Method: the product with real servers; one
 * worker is killed as the kernel would, then the process that people started is told to stop.
 */
describe('several workers on one machine', { skip, timeout: 170_000 }, () => {
  const temp = tempDir('workers');
  const ends: (() => Promise<unknown>)[] = [];
  let parent: ChildProcess | undefined;
  let said = '';
  let environment: Record<string, string> = {};
  let plant = '';

  /** Where each worker's wall is, the newest last. */
  const walls = (node: string) => [...said.matchAll(new RegExp(`^${node} \\| .*(http://127\\.0\\.0\\.1:\\d+)`, 'gm'))];
  const answers = async (node: string) => {
    const url = walls(node).at(-1)?.[1];
    return url !== undefined && (await fetch(`${url}/health`).catch(() => undefined))?.status === 200;
  };

  before(async () => {
    const [postgres, nats, broker] = await Promise.all([
      PostgresServer.start({ fsync: 'off' }),
      NatsServer.start(),
      Mosquitto.start(temp.dir),
    ]);
    ends.push(
      () => postgres.remove(),
      () => nats.remove(),
      () => broker.kill('SIGKILL'),
    );
    const { topology } = writeCellPlant(temp.dir, broker.url, 2);
    environment = { SIGNALBOX_DATABASE_URL: await postgres.newDatabase(), SIGNALBOX_NATS_URL: nats.url };
    plant = topology;
    parent = run(['start', '--workers', '2', '--data', temp.dir, '--port', '0', '--topology', topology], environment);
    for (const stream of [parent.stdout, parent.stderr])
      stream?.on('data', (text: Buffer) => {
        said += text;
      });
  });

  after(async () => {
    parent?.kill('SIGKILL');
    for (const pid of workers) kill(pid);
    await Promise.all(ends.map((end) => end()));
    temp.remove();
  });

  let workers: readonly number[] = [];

  test('both answer; one that is killed comes again beside the other; a signal ends all of them', async () => {
    await until('both answer', async () => (await answers('core-1')) && (await answers('core-2')), 90_000);
    workers = childrenOf(parent);
    assert.equal(workers.length, 2, said);

    // As somebody does who forgets to name the node on a second machine.
    const elsewhere = ['--data', `${temp.dir}/elsewhere`, '--port', '0', '--topology', plant];
    const second = await signalbox(['start', ...elsewhere], environment);
    assert.equal(second.code, 1, second.stdout);
    assert.match(second.stderr, /another process runs as node core-1 of this cell/);
    assert.doesNotMatch(second.stderr, /^\s+at /m);
    assert.deepEqual(childrenOf(parent), workers, 'whoever has the name goes on');

    const [killed = 0, other = 0] = workers;
    kill(killed);
    await until('it is said', () => /core-\d ended \(SIGKILL\); it is started again in 1 s/.test(said));
    await until('there are two again', () => childrenOf(parent).length === 2);
    workers = childrenOf(parent);
    assert.ok(workers.includes(other) && !workers.includes(killed), 'the other went on');
    await until('it shows its wall again', () => walls('core-1').length + walls('core-2').length === 3, 60_000);
    await until('both answer', async () => (await answers('core-1')) && (await answers('core-2')), 60_000);

    const ended = parent && once(parent, 'exit');
    parent?.kill('SIGTERM');
    assert.deepEqual(await ended, [0, null], said);
    for (const pid of workers) assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
  });
});

function childrenOf(parent: ChildProcess | undefined): number[] {
  const listed = readFileSync(`/proc/${parent?.pid}/task/${parent?.pid}/children`, 'utf8');
  return listed.split(' ').filter(Boolean).map(Number);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}
