import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import { backoffMs, Link } from '../../../../gateways/mqtt/link.ts';
import type { SessionEvents } from '../../../../gateways/mqtt/session.ts';

function link() {
  const sessions: SessionEvents[] = [];
  let closed = 0;
  const made = new Link({
    reconnect: { minMs: 100, maxMs: 1000 },
    random: () => 1,
    onChange: () => {},
    onFailure: () => {},
    createSession: (events) => ({
      inFlight: 0,
      facts: {},
      open: () => sessions.push(events),
      close: async () => {
        closed++;
      },
    }),
  });
  return { link: made, sessions, closed: () => closed };
}

const LOST = { code: 'connection_lost', message: 'gone' } as const;

describe('a link', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setTimeout', 'Date'] }));
  afterEach(() => mock.timers.reset());

  it('opens the next session after a pause that doubles up to the cap', () => {
    const { link: it, sessions } = link();
    it.start();
    for (const pauseMs of [100, 200, 400, 800, 1000, 1000]) {
      const opened = sessions.length;
      sessions.at(-1)?.lost(LOST);
      assert.equal(it.status.state, 'waiting');
      mock.timers.tick(pauseMs - 1);
      assert.equal(sessions.length, opened);
      mock.timers.tick(1);
      assert.equal(sessions.length, opened + 1);
    }
    assert.equal(it.status.lastError?.code, 'connection_lost');
  });

  it('goes on lengthening the pause while sessions open but store nothing', () => {
    const { link: it, sessions } = link();
    it.start();
    for (const pauseMs of [100, 200, 400]) {
      sessions.at(-1)?.up();
      assert.equal(it.status.state, 'connected');
      sessions.at(-1)?.lost(LOST);
      assert.equal(it.status.nextAttemptAtMs, Date.now() + pauseMs);
      mock.timers.tick(pauseMs);
    }
  });

  it('begins with the shortest pause again once something was stored, or it was up for a while', () => {
    for (const good of ['stored', 'time'] as const) {
      const { link: it, sessions } = link();
      it.start();
      for (let i = 0; i < 4; i++) {
        sessions.at(-1)?.lost(LOST);
        mock.timers.tick(1000);
      }
      sessions.at(-1)?.up();
      if (good === 'stored') sessions.at(-1)?.stored();
      else mock.timers.tick(5000);
      sessions.at(-1)?.lost(LOST);
      assert.equal(it.status.nextAttemptAtMs, Date.now() + 100, good);
    }
  });

  it('hears nothing of a session that is over, and opens none when it is stopped', async () => {
    const { link: it, sessions, closed } = link();
    it.start();
    const first = sessions[0];
    first?.lost(LOST);
    mock.timers.tick(100);
    first?.lost(LOST);
    first?.up();
    assert.equal(it.status.state, 'connecting');
    await it.stop();
    sessions.at(-1)?.lost(LOST);
    mock.timers.tick(10_000);
    assert.equal(sessions.length, 2);
    assert.equal(closed(), 1);
    assert.equal(it.status.state, 'stopped');
  });
});

describe('the pause before an attempt', () => {
  it('lies between half and the whole of the doubled minimum, and never beyond the cap', () => {
    const bounds = { minMs: 500, maxMs: 30_000 };
    assert.equal(backoffMs(1, bounds, 0), 250);
    assert.equal(backoffMs(1, bounds, 1), 500);
    assert.equal(backoffMs(3, bounds, 1), 2000);
    assert.equal(backoffMs(1000, bounds, 1), 30_000);
  });
});
