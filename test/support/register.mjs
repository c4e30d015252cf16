// Runs TypeScript as it stands, also in worker threads: they inherit `--import`, but tsx's own entry registers in the main thread only.
import { register } from 'tsx/esm/api';

register();
