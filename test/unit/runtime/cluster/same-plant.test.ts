import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SamePlant } from '../../../../runtime/cluster/same-plant.ts';
import { until } from '../../../support/condition.ts';

type Answer = (body: unknown, from: string) => unknown;

/** Nodes that hear each other as long as they are there. */
class Links {
  readonly #there = new Map<string, Answer>();

  link(node: string) {
    const there = this.#there;
    return {
      get nodes() {
        return [...there.keys()].filter((other) => other !== node);
      },
      announce: (_what: string, body: unknown) => {
        if (there.has(node)) for (const [other, answer] of there) if (other !== node) answer(body, node);
      },
      serve: (_what: string, answer: Answer) => void there.set(node, answer),
    };
  }

  lose(node: string): void {
    this.#there.delete(node);
  }
}

test('a node that runs another plant is named by the others for as long as it is there, and one of the same is not', async () => {
  const links = new Links();
  const run = (node: string, plant: string) => new SamePlant({ link: links.link(node), plant, everyMs: 5 });
  const [one, two] = [run('core-1', 'new'), run('core-2', 'new')];
  const other = run('core-3', 'old');
  await until('all have heard of each other', () => other.others.length === 2 && one.others.length === 1);
  assert.deepEqual(one.others, ['core-3']);
  await until('two knows', () => two.others.length === 1);
  links.lose('core-3');
  assert.deepEqual(one.others, []);
  const again = run('core-3', 'new');
  await until('it has told', () => two.others.length === 0);
  assert.deepEqual(one.others, []);
  for (const node of [one, two, other, again]) node.close();
});
