import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { TRANSITIONS, WorkOrderCommand } from '../../../../actors/work-order/commands.ts';
import type { WorkOrderEvent } from '../../../../actors/work-order/events.ts';
import { MACHINE, type TransitionName } from '../../../../actors/work-order/machine.ts';
import type { WorkOrderFile } from '../../../../actors/work-order/state.ts';
import type { WorkOrderState } from '../../../../actors/work-order/views.ts';
import { workOrderKind } from '../../../../actors/work-order/work-order.ts';
import { entityId } from '../../../../runtime/ids.ts';

const NUMBER = 'WO-20261121-00001';
const self = { id: entityId('work-order', NUMBER), definition: null };
const STATES: readonly WorkOrderState[] = [
  'draft',
  'open',
  'scheduled',
  'in_progress',
  'on_hold',
  'completed',
  'closed',
  'cancelled',
];

/** An order with the events that made it, moved by commands as they come from outside. */
class Order {
  file: WorkOrderFile = workOrderKind.initial(self);
  readonly events: { readonly event: WorkOrderEvent; readonly nowMs: number; readonly user: string }[] = [];
  nowMs = 1_000_000;
  user = 'ann';

  turn(nowMs = this.nowMs, user = this.user) {
    return { ...self, nowMs, by: { user, via: 'http' }, permissions: ['workorder:*'] } as const;
  }

  /** Undefined when it was accepted, else the code of the rejection. */
  give(command: unknown, user = this.user): string | undefined {
    this.nowMs += 1000;
    const decision = workOrderKind.decide(this.file, WorkOrderCommand.parse(command), this.turn(this.nowMs, user));
    if (!decision.ok) return decision.code;
    this.take(decision.events, user);
    return undefined;
  }

  take(events: readonly WorkOrderEvent[], user = this.user): void {
    for (const event of events) {
      this.events.push({ event, nowMs: this.nowMs, user });
      this.file = workOrderKind.evolve(this.file, event, this.turn(this.nowMs, user));
    }
  }

  get order() {
    assert.ok(this.file.order);
    return this.file.order;
  }
}

function create(draft: object = {}): Order {
  const order = new Order();
  const all = { title: 'Bearing hot', asset: 'pump-1', site: 'north', rule: 'bearing-temperature', ...draft };
  assert.equal(order.give({ kind: 'CreateWorkOrder', number: NUMBER, draft: all }, 'system'), undefined);
  return order;
}

const move = (transition: TransitionName) => ({
  kind: 'TransitionWorkOrder',
  transition,
  note: 'because',
  ...(transition === 'hold' && { holdReason: 'awaiting_parts' }),
});

/** The ways to each state. On hold can be reached from three. */
const PATHS: Readonly<Record<WorkOrderState, readonly (readonly TransitionName[])[]>> = {
  draft: [[]],
  open: [['open']],
  scheduled: [['open', 'schedule']],
  in_progress: [['open', 'schedule', 'start']],
  on_hold: [
    ['open', 'hold'],
    ['open', 'schedule', 'hold'],
    ['open', 'schedule', 'start', 'hold'],
  ],
  completed: [['open', 'schedule', 'start', 'complete']],
  closed: [['open', 'schedule', 'start', 'complete', 'close']],
  cancelled: [['cancel']],
};

function along(path: readonly TransitionName[], draft: object = {}): Order {
  const order = create({ needsApproval: true, ...draft });
  assert.equal(order.give({ kind: 'AssignWorkOrder', to: 'bob' }), undefined);
  for (const transition of path) assert.equal(order.give(move(transition)), undefined, transition);
  return order;
}

describe('the machine of work orders', () => {
  it('has 18 transitions over 8 states', () => {
    assert.equal(MACHINE.length, 18);
    assert.equal(new Set(MACHINE.map((row) => `${row.from} ${row.transition} ${row.to}`)).size, 18);
    assert.deepEqual([...new Set(MACHINE.flatMap((row) => [row.from, row.to]))].sort(), [...STATES].sort());
    assert.deepEqual(new Set(MACHINE.map((row) => row.transition)), new Set(TRANSITIONS));
  });

  for (const state of STATES) {
    for (const transition of TRANSITIONS) {
      const targets = MACHINE.filter((row) => row.from === state && row.transition === transition).map((row) => row.to);
      const outcome =
        targets.length > 0 ? `leads to ${targets.join(' or ')}` : 'is refused, and the refusal says what is possible';
      it(`${transition} when ${state} ${outcome}`, () => {
        for (const path of PATHS[state]) {
          const order = along(path);
          assert.equal(order.order.state, state);
          const before = order.file;
          const came = order.order.heldFrom;
          const code = order.give(move(transition));
          if (targets.length > 0) {
            assert.equal(code, undefined);
            assert.equal(order.order.state, transition === 'resume' ? came : targets[0]);
            continue;
          }
          assert.equal(code, 'INVALID_STATE_TRANSITION');
          assert.equal(order.file, before);
          const command = WorkOrderCommand.parse(move(transition));
          const decision = workOrderKind.decide(order.file, command, order.turn());
          assert.ok(!decision.ok);
          assert.ok(decision.message.includes(state), decision.message);
          for (const row of MACHINE.filter((allowed) => allowed.from === state)) {
            assert.ok(decision.message.includes(row.transition), decision.message);
          }
        }
      });
    }
  }
});

describe('a work order', () => {
  it('starts open, or as a draft when it needs approval', () => {
    assert.equal(create().order.state, 'open');
    assert.equal(create({ needsApproval: true }).order.state, 'draft');
  });

  it('asks for the permission that fits the command', () => {
    const permission = (command: object) => workOrderKind.permission(WorkOrderCommand.parse(command));
    assert.equal(permission(move('open')), 'workorder:approve');
    assert.equal(permission(move('close')), 'workorder:verify');
    assert.equal(permission(move('start')), 'workorder:transition');
    assert.equal(permission({ kind: 'AssignWorkOrder', to: 'bob' }), 'workorder:assign');
    assert.equal(permission({ kind: 'CommentWorkOrder', text: 'x' }), 'workorder:comment');
    assert.equal(permission({ kind: 'SkipChecklistItem', index: 0, reason: 'x' }), 'workorder:edit');
    assert.equal(permission({ kind: 'AppendOccurrence', text: 'x' }), 'internal');
  });

  it('that was never created knows no command but the one that creates it', () => {
    assert.equal(new Order().give({ kind: 'CommentWorkOrder', text: 'hello' }), 'NOT_FOUND');
    assert.equal(
      create().give({ kind: 'CreateWorkOrder', number: NUMBER, draft: { title: 'x', asset: 'a', site: 's' } }),
      'ALREADY_EXISTS',
    );
  });

  it('is started, resumed into work and reopened only with somebody assigned', () => {
    const order = create();
    order.give(move('schedule'));
    assert.equal(order.give(move('start')), 'ASSIGNEE_REQUIRED');
    order.give({ kind: 'AssignWorkOrder', to: 'bob' });
    assert.equal(order.give(move('start')), undefined);
    assert.equal(order.give({ kind: 'AssignWorkOrder', to: null }), 'ASSIGNEE_REQUIRED');
    order.give(move('hold'));
    assert.equal(order.give({ kind: 'AssignWorkOrder', to: null }), undefined);
    assert.equal(order.give(move('resume')), 'ASSIGNEE_REQUIRED');
  });

  it('is completed only when every required item is done or skipped with a reason', () => {
    const order = along(['open', 'schedule', 'start'], {
      checklist: [
        { item: 'Lock out' },
        { item: 'Pressure', kind: 'number', min: 2, max: 4, unit: 'bar' },
        { item: 'Photo', required: false },
        { item: 'Finding', kind: 'text' },
      ],
    });
    const done = (index: number, value?: unknown) =>
      order.give({ kind: 'CompleteChecklistItem', index, ...(value !== undefined && { value }) });
    assert.equal(order.give(move('complete')), 'CHECKLIST_INCOMPLETE');
    assert.equal(done(0), undefined);
    assert.equal(done(1, 4.1), 'CHECKLIST_VALUE_OUT_OF_BOUNDS');
    assert.equal(done(1, 1.9), 'CHECKLIST_VALUE_OUT_OF_BOUNDS');
    assert.equal(done(1, 'three'), 'CHECKLIST_VALUE_INVALID');
    assert.equal(done(1, 4), undefined);
    assert.equal(done(3, '  '), 'CHECKLIST_VALUE_INVALID');
    assert.equal(done(9), 'CHECKLIST_ITEM_UNKNOWN');
    assert.equal(order.give(move('complete')), 'CHECKLIST_INCOMPLETE');
    assert.equal(order.give({ kind: 'SkipChecklistItem', index: 3, reason: 'no access' }), undefined);
    assert.equal(order.give(move('complete')), undefined);
    assert.equal(order.order.checklist[1]?.value, 4);
    assert.equal(done(0), 'IMMUTABLE_IN_STATE');
  });

  it('that needs verification is closed by somebody who neither did it, nor was to, nor declared it done', () => {
    const order = along(['open', 'schedule', 'start'], { needsVerification: true });
    order.give(move('complete'), 'cid');
    assert.equal(order.give(move('close'), 'cid'), 'VERIFIER_MUST_DIFFER', 'completed it');
    assert.equal(order.give(move('close'), 'bob'), 'VERIFIER_MUST_DIFFER', 'is assigned to it');
    assert.equal(order.give(move('close'), 'ann'), 'VERIFIER_MUST_DIFFER', 'started it');
    assert.equal(order.give(move('close'), 'dora'), undefined);
    assert.equal(order.order.closedBy, 'dora');
    const simple = along(['open', 'schedule', 'start']);
    simple.give(move('complete'), 'bob');
    assert.equal(simple.give(move('close'), 'bob'), undefined);
  });

  it('is held with a reason, and reopened and cancelled with a note', () => {
    const bare = (transition: TransitionName) => ({ kind: 'TransitionWorkOrder', transition });
    assert.equal(create().give(bare('hold')), 'HOLD_REASON_REQUIRED');
    assert.equal(create().give(bare('cancel')), 'NOTE_REQUIRED');
    assert.equal(along(PATHS.completed[0] ?? []).give(bare('reopen')), 'NOTE_REQUIRED');
  });

  it('forgets a completion when it is reopened, and counts that', () => {
    const order = along(['open', 'schedule', 'start', 'complete', 'reopen']);
    assert.deepEqual([order.order.completedAtMs, order.order.completedBy, order.order.reopened], [null, null, 1]);
  });

  it('can be edited as its state allows; closed and cancelled take comments alone', () => {
    const edit = { kind: 'EditWorkOrder', priority: 'high', dueAtMs: 2_000_000 };
    assert.equal(along(['open']).give(edit), undefined);
    assert.equal(along(PATHS.completed[0] ?? []).give({ kind: 'EditWorkOrder', description: 'more' }), undefined);
    assert.equal(
      along(PATHS.completed[0] ?? []).give({ kind: 'EditWorkOrder', priority: 'low' }),
      'IMMUTABLE_IN_STATE',
    );
    for (const state of ['closed', 'cancelled'] as const) {
      const order = along(PATHS[state][0] ?? []);
      assert.equal(order.give({ kind: 'EditWorkOrder', title: 'new' }), 'IMMUTABLE_IN_STATE');
      assert.equal(order.give({ kind: 'AssignWorkOrder', to: 'eve' }), 'IMMUTABLE_IN_STATE');
      assert.equal(order.give({ kind: 'CommentWorkOrder', text: 'still here' }), undefined);
      assert.equal(order.order.comments.at(-1)?.text, 'still here');
    }
  });

  it('is due, and planned, at a time that makes sense', () => {
    const order = create({ needsApproval: false });
    const { createdAtMs } = order.order;
    const farthestMs = createdAtMs + 3660 * 86_400_000;
    for (const dueAtMs of [-5, 0, createdAtMs - 1, farthestMs + 1, Number.MAX_SAFE_INTEGER]) {
      assert.equal(order.give({ kind: 'EditWorkOrder', dueAtMs }), 'INVALID_TIME');
      assert.equal(order.give({ ...move('schedule'), scheduledForMs: dueAtMs }), 'INVALID_TIME');
    }
    for (const dueAtMs of [createdAtMs, farthestMs])
      assert.equal(order.give({ kind: 'EditWorkOrder', dueAtMs }), undefined);
    assert.equal(order.give({ ...move('schedule'), scheduledForMs: createdAtMs + 1 }), undefined);
    const refused = workOrderKind.decide(order.file, { kind: 'EditWorkOrder', dueAtMs: -5 }, order.turn());
    assert.equal(!refused.ok && refused.field, 'dueAtMs');
  });

  it('says who wanted it and who wanted it again, whoever passes that on', () => {
    const order = new Order();
    const draft = { title: 'Bearing hot', asset: 'pump-1', site: 'north', rule: 'hot' };
    order.give({ kind: 'CreateWorkOrder', number: NUMBER, draft, requestedBy: 'olga' }, 'order-book/main');
    assert.equal(order.order.createdBy, 'olga');
    const again = { kind: 'AppendOccurrence', text: 'again', requestedBy: 'asset/pump-1' };
    order.give(again, 'order-book/main');
    assert.equal(order.order.comments.at(-1)?.by, 'asset/pump-1');
    order.give(move('cancel'));
    order.give({ ...again, request: { draft, date: '20261121' } }, 'order-book/main');
    const passedOn = order.events.at(-1)?.event;
    assert.ok(passedOn);
    const told = workOrderKind.effects?.(passedOn, order.file, self).at(-1);
    assert.equal(told?.kind, 'tell');
    assert.match(JSON.stringify(told), /"requestedBy":"asset\/pump-1"/);
  });

  it('becomes overdue once, and again when it was given another due time', () => {
    const order = create({ dueInHours: 1 });
    const dueAtMs = order.order.dueAtMs ?? 0;
    assert.equal(workOrderKind.nextDueMs?.(order.file, self), dueAtMs);
    assert.deepEqual(workOrderKind.due?.(order.file, order.turn(dueAtMs - 1)), []);
    order.nowMs = dueAtMs;
    const events = workOrderKind.due?.(order.file, order.turn()) ?? [];
    assert.deepEqual(
      events.map((event) => event.kind),
      ['WorkOrderOverdue'],
    );
    order.take(events);
    assert.equal(overdueShown(order), true);
    assert.equal(workOrderKind.nextDueMs?.(order.file, self), undefined);
    order.give({ kind: 'EditWorkOrder', dueAtMs: dueAtMs + 5_000_000 });
    assert.equal(overdueShown(order), false);
    assert.equal(workOrderKind.nextDueMs?.(order.file, self), dueAtMs + 5_000_000);
  });

  it('is not overdue any more once it is completed', () => {
    const order = along(['open', 'schedule', 'start'], { dueInHours: 1 });
    order.nowMs = order.order.dueAtMs ?? 0;
    order.take(workOrderKind.due?.(order.file, order.turn()) ?? []);
    order.give(move('complete'));
    assert.equal(overdueShown(order), false);
    assert.equal(workOrderKind.nextDueMs?.(order.file, self), undefined);
  });

  it('tells its asset every change of state, and the order book its end', () => {
    const order = along(PATHS.closed[0] ?? [], { assetDown: true });
    const told = order.events.flatMap(({ event }) => workOrderKind.effects?.(event, order.file, self) ?? []);
    const commands = told.map((effect) => (effect.kind === 'tell' ? [effect.to, effect.command] : []));
    const report = (state: string) => [
      'asset/pump-1',
      { kind: 'WorkOrderReported', number: NUMBER, rule: 'bearing-temperature', state, assetDown: true },
    ];
    assert.deepEqual(commands, [
      ...['draft', 'open', 'scheduled', 'in_progress', 'completed', 'closed'].map(report),
      ['order-book/main', { kind: 'WorkOrderEnded', number: NUMBER }],
    ]);
  });

  it('counts occurrences, and sends one that comes after its end back to the order book', () => {
    const order = create();
    order.give({ kind: 'AppendOccurrence', text: 'again' });
    assert.equal(order.order.occurrences, 2);
    order.give(move('cancel'));
    const draft = { title: 'Bearing hot', asset: 'pump-1', site: 'north', rule: 'bearing-temperature' };
    order.give({ kind: 'AppendOccurrence', text: 'again', request: { draft, date: '20261121' } });
    assert.equal(order.order.occurrences, 2);
    const last = order.events.at(-1)?.event;
    assert.ok(last);
    const told = workOrderKind.effects?.(last, order.file, self) ?? [];
    assert.deepEqual(
      told.map((effect) => effect.kind === 'tell' && [effect.to, kindOfCommand(effect.command)]),
      [
        ['order-book/main', 'WorkOrderEnded'],
        ['order-book/main', 'RequestWorkOrder'],
      ],
    );
  });

  it('keeps only the newest comments at hand', () => {
    const order = create();
    for (let i = 1; i <= 250; i++) order.give({ kind: 'CommentWorkOrder', text: `${i}` });
    assert.equal(order.order.comments.length, 200);
    assert.equal(order.order.comments[0]?.text, '51');
    const { comments } = workOrderKind.view(order.file, self);
    assert.equal(Object.keys(comments ?? {}).at(-1), '250');
  });

  it('shows what the machine allows', () => {
    const { props } = workOrderKind.view(create().file, self);
    assert.deepEqual(props?.transitions, ['schedule', 'hold', 'cancel']);
    assert.deepEqual(workOrderKind.view(workOrderKind.initial(self), self), {});
  });

  it('is the same again from its events alone, whatever was asked of it', () => {
    fc.assert(
      fc.property(fc.array(anyCommand, { maxLength: 60 }), (commands) => {
        const order = create({
          dueInHours: 0.01,
          needsApproval: true,
          needsVerification: true,
          checklist: [{ item: 'one' }],
        });
        for (const { command, user } of commands) {
          order.give(command, user);
          order.take(workOrderKind.due?.(order.file, order.turn()) ?? []);
        }
        let again = workOrderKind.initial(self);
        for (const { event, nowMs, user } of order.events) {
          const stored = JSON.parse(JSON.stringify(event));
          again = workOrderKind.evolve(again, stored, order.turn(nowMs, user));
        }
        assert.deepEqual(again, order.file);
        const states = order.order.history.map((entry) => `${entry.from} ${entry.transition} ${entry.to}`);
        const known = new Set(MACHINE.map((row) => `${row.from} ${row.transition} ${row.to}`));
        assert.ok(states.every((state) => known.has(state)));
      }),
      { numRuns: 500 },
    );
  });
});

const anyCommand = fc.record({
  user: fc.constantFrom('ann', 'bob'),
  command: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...TRANSITIONS).map(move) },
    fc.constantFrom('ann', 'bob', null).map((to) => ({ kind: 'AssignWorkOrder', to })),
    fc.nat(1).map((index) => ({ kind: 'CompleteChecklistItem', index })),
    fc.nat(1).map((index) => ({ kind: 'SkipChecklistItem', index, reason: 'why' })),
    fc.constant({ kind: 'CommentWorkOrder', text: 'text' }),
    fc.constant({ kind: 'AppendOccurrence', text: 'again' }),
    fc.integer({ min: 900_000, max: 100_000_000 }).map((dueAtMs) => ({ kind: 'EditWorkOrder', dueAtMs })),
    fc.constant({ kind: 'EditWorkOrder', title: 'other' }),
  ),
});

function overdueShown(order: Order): unknown {
  return workOrderKind.view(order.file, self).props?.overdue;
}

function kindOfCommand(command: unknown): unknown {
  return typeof command === 'object' && command !== null && 'kind' in command ? command.kind : undefined;
}
