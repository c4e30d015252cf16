import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type AddressRange,
  bisect,
  type PlannedPoint,
  type PlannedRequest,
  planReads,
} from '../../../../gateways/modbus/planner.ts';

const LIMITS = { registers: 125, bits: 2000, maxGap: 16 };

function holding(...spans: [address: number, count: number][]): PlannedPoint[] {
  return spans.map(([address, count], index) => ({ index, area: 'holding', address, count }));
}

function spans(requests: readonly PlannedRequest[]): [number, number][] {
  return requests.map(({ address, count }) => [address, count]);
}

test('neighbours are read together across a gap up to the limit, and not beyond', () => {
  const points = holding([0, 2], [10, 1], [27, 1], [45, 2]);
  assert.deepEqual(spans(planReads(points, LIMITS, []).requests), [
    [0, 28],
    [45, 2],
  ]);
  assert.deepEqual(spans(planReads(points, { ...LIMITS, maxGap: 0 }, []).requests), [
    [0, 2],
    [10, 1],
    [27, 1],
    [45, 2],
  ]);
});

test('areas are never mixed in one request', () => {
  const points: PlannedPoint[] = (['holding', 'input', 'coil', 'discrete'] as const).map((area, index) => ({
    index,
    area,
    address: 0,
    count: 1,
  }));
  assert.equal(planReads(points, LIMITS, []).requests.length, 4);
});

test('a request is split around an illegal range and its point is refused', () => {
  const plan = planReads(holding([0, 1], [1, 1], [2, 1]), LIMITS, [{ area: 'holding', from: 1, to: 2 }]);
  assert.deepEqual(spans(plan.requests), [
    [0, 1],
    [2, 1],
  ]);
  assert.deepEqual(
    plan.refused.map(({ point, reason }) => [point.index, reason]),
    [[1, 'illegal_range']],
  );
});

test('a border may not be spanned, but both sides are read', () => {
  const plan = planReads(holding([0, 2], [2, 2]), LIMITS, [{ area: 'holding', from: 2, to: 2 }]);
  assert.deepEqual(spans(plan.requests), [
    [0, 2],
    [2, 2],
  ]);
  assert.deepEqual(plan.refused, []);
});

test('what no request could carry is refused with the reason', () => {
  const plan = planReads(holding([0, 20], [65535, 2], [-1, 1]), { ...LIMITS, registers: 10 }, []);
  assert.deepEqual(plan.requests, []);
  assert.deepEqual(
    plan.refused.map(({ reason }) => reason),
    ['modbus_exceeds_limit', 'modbus_invalid_address', 'modbus_invalid_address'],
  );
});

test('points that share a register cannot be halved', () => {
  const [request] = planReads(holding([0, 2], [1, 1]), LIMITS, []).requests;
  assert.ok(request !== undefined);
  assert.equal(bisect(request), null);
});

const point = fc.record({
  area: fc.constantFrom('holding', 'input', 'coil', 'discrete'),
  address: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 65_500, max: 65_535 })),
  count: fc.constantFrom(1, 1, 1, 2, 4, 20),
});
const points = fc.array(point, { maxLength: 60 }).map((list) =>
  list.map(
    ({ area, address, count }, index): PlannedPoint => ({
      index,
      area,
      address,
      count: area === 'coil' || area === 'discrete' ? 1 : count,
    }),
  ),
);
const illegal: fc.Arbitrary<AddressRange[]> = fc.array(
  fc
    .record({
      area: fc.constantFrom('holding', 'input', 'coil', 'discrete'),
      from: fc.integer({ min: 0, max: 300 }),
      width: fc.integer({ min: 0, max: 5 }),
    })
    .map(({ area, from, width }) => ({ area, from, to: from + width })),
  { maxLength: 10 },
);
const limits = fc.record({
  registers: fc.integer({ min: 1, max: 125 }),
  bits: fc.integer({ min: 1, max: 2000 }),
  maxGap: fc.integer({ min: 0, max: 120 }),
});

test('every point is in exactly one request or refused', () => {
  fc.assert(
    fc.property(points, limits, illegal, (list, bounds, ranges) => {
      const plan = planReads(list, bounds, ranges);
      const seen = [
        ...plan.requests.flatMap((request) => request.points),
        ...plan.refused.map((refused) => refused.point),
      ];
      assert.deepEqual(
        seen.map(({ index }) => index).sort((a, b) => a - b),
        list.map(({ index }) => index),
      );
    }),
  );
});

test('a request holds its points, keeps to the limits and stays inside the address space', () => {
  fc.assert(
    fc.property(points, limits, illegal, (list, bounds, ranges) => {
      for (const request of planReads(list, bounds, ranges).requests) {
        const bits = request.area === 'coil' || request.area === 'discrete';
        assert.ok(request.count >= 1 && request.count <= (bits ? bounds.bits : bounds.registers));
        assert.ok(request.address >= 0 && request.address + request.count <= 65_536);
        for (const { area, address, count } of request.points) {
          assert.equal(area, request.area);
          assert.ok(address >= request.address && address + count <= request.address + request.count);
        }
      }
    }),
  );
});

test('no request reads from an illegal range or spans a border', () => {
  fc.assert(
    fc.property(points, limits, illegal, (list, bounds, ranges) => {
      for (const { area, address, count } of planReads(list, bounds, ranges).requests) {
        for (const range of ranges) {
          if (range.area !== area) continue;
          for (let border = range.from; border <= range.to; border++) {
            const within = border < range.to || range.from === range.to;
            const read =
              range.from === range.to
                ? border > address && border < address + count
                : border >= address && border < address + count;
            assert.ok(!(within && read), `${address}+${count} touches ${range.from}..${range.to}`);
          }
        }
      }
    }),
  );
});

test('no gap within a request is greater than allowed', () => {
  fc.assert(
    fc.property(points, limits, (list, bounds) => {
      for (const request of planReads(list, bounds, []).requests) {
        let end = request.address;
        for (const { address, count } of request.points) {
          assert.ok(address - end <= bounds.maxGap);
          end = Math.max(end, address + count);
        }
        assert.equal(end, request.address + request.count);
      }
    }),
  );
});

test('halving loses no point, and halving on ends at single clusters', () => {
  fc.assert(
    fc.property(points, limits, (list, bounds) => {
      for (const request of planReads(list, bounds, []).requests) {
        const leaves: PlannedRequest[] = [];
        const open = [request];
        for (let next = open.pop(); next !== undefined; next = open.pop()) {
          const halves = bisect(next);
          if (halves === null) leaves.push(next);
          else {
            assert.equal(halves.left.address + halves.left.count, halves.between.from);
            assert.equal(halves.right.address, halves.between.to);
            open.push(halves.right, halves.left);
          }
        }
        assert.deepEqual(
          leaves.flatMap((leaf) => leaf.points),
          request.points,
        );
      }
    }),
  );
});
