// npm start: sets up what is missing, then runs the product in this process. Arguments after -- go to `signalbox start`.
import { build } from './build.mjs';
import { installPackages } from './setup.mjs';

installPackages();
await build();
process.argv.splice(2, 0, 'start');
await import('../bin/signalbox.mjs');
