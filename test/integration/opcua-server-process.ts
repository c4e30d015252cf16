import { createOpcUaServer, type OpcUaServer, type OpcUaServerOptions } from '../../simulators/opcua/server.ts';

/** The simulated server in a process of its own, so that a test can kill or pause it. Calls come as messages. */
export type ServerCall =
  | { readonly id: number; readonly kind: 'start'; readonly options: OpcUaServerOptions }
  | { readonly id: number; readonly kind: 'set'; readonly args: Parameters<OpcUaServer['set']> }
  | { readonly id: number; readonly kind: 'add'; readonly args: Parameters<OpcUaServer['add']> }
  | { readonly id: number; readonly kind: 'fault'; readonly args: Parameters<OpcUaServer['setFault']> }
  | { readonly id: number; readonly kind: 'writes' }
  | { readonly id: number; readonly kind: 'close' };

export interface ServerAnswer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}

let server: OpcUaServer | null = null;
const writes: (readonly [nodeId: string, value: unknown])[] = [];

async function answer(call: ServerCall): Promise<unknown> {
  if (call.kind === 'start') {
    server = await createOpcUaServer(call.options);
    server.onWrite((nodeId, value) => writes.push([nodeId, value]));
    return { port: server.port, endpoint: server.endpoint };
  }
  if (server === null) throw new Error('not started');
  switch (call.kind) {
    case 'set':
      return server.set(...call.args);
    case 'add':
      return server.add(...call.args);
    case 'fault':
      return await server.setFault(...call.args);
    case 'writes':
      return writes;
    case 'close':
      return await server.close();
  }
}

process.on('message', (call: ServerCall) => {
  answer(call).then(
    (result) => process.send?.({ id: call.id, result } satisfies ServerAnswer),
    (error: unknown) => process.send?.({ id: call.id, error: String(error) } satisfies ServerAnswer),
  );
});
process.on('disconnect', () => process.exit());
