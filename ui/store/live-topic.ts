import { useEffect, useMemo, useState } from 'preact/hooks';
import type { Topic } from '../../gateways/websocket/protocol.ts';
import { Cells } from './cells.ts';
import { useWall } from './wall.ts';

/** Live views for as long as the calling page is shown. `error` is the server's refusal of the subscription. */
export function useTopic<V>(
  topic: Topic,
  filter: { readonly ids?: string[]; readonly site?: string } = {},
  fields?: string[],
): { readonly cells: Cells<V>; readonly error: string | null } {
  const wall = useWall();
  const key = JSON.stringify([topic, filter, fields]);
  // A new filter is a new set of entities.
  const cells = useMemo(() => new Cells<V>(), [key]);
  const [error, setError] = useState<string | null>(null);
  // The key stands for topic, filter and fields.
  useEffect(() => {
    setError(null);
    return wall.connection.subscribe({
      topic,
      filter,
      ...(fields === undefined ? {} : { fields }),
      onSnapshot: (items) => {
        setError(null);
        cells.replace(items);
      },
      onDelta: (items) => cells.merge(items),
      onError: (_code, message) => setError(message),
    });
  }, [wall, cells]);
  return { cells, error };
}
