import assert from 'node:assert/strict';
import { it } from 'node:test';
import { LinkNews } from '../../../gateways/link-news.ts';

it('what a link reports is told when it changes, and now and then for whoever has not heard it', () => {
  const told: unknown[] = [];
  const news = new LinkNews((report) => told.push(report));
  for (let second = 0; second < 5; second++) news.take({ state: 'connected', facts: { messages: 7 } });
  assert.equal(told.length, 1, 'the same again is no news');
  news.take({ state: 'connected', facts: { messages: 8 } });
  assert.deepEqual(told.at(-1), { state: 'connected', facts: { messages: 8 } });
  for (let second = 0; second < 20; second++) news.take({ state: 'connected', facts: { messages: 8 } });
  assert.equal(told.length, 4, 'twice in twenty seconds');
});
