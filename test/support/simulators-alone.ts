/** A process that starts the simulators as the product does, and does nothing else. */
import { startSimulators } from '../../cli/simulators.ts';

await startSimulators().ready;
console.log('ready');
setInterval(() => {}, 60_000);
