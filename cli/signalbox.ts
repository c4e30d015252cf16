import { Command, Option } from 'commander';
import { check } from './check.ts';
import { start } from './start.ts';
import { createToken, listTokens, revokeToken } from './token.ts';
import { version } from './version.ts';

/** The `signalbox` command. Every command prints one clear line when it fails, and exits with 1. */
const program = new Command('signalbox')
  .description('Actor runtime for live industrial operations: SCADA, alarm desk and maintenance in one.')
  .version(version(), '-v, --version')
  .showHelpAfterError('(signalbox --help lists commands and options)')
  .configureHelp({ showGlobalOptions: true });

const config = new Option('-c, --config <file>', 'settings file, JSON (default: signalbox.json where it exists)');
const dataDir = new Option('-d, --data <dir>', 'data folder of the plant (default: that of the settings, else ./data)');

program
  .command('start')
  .description('run the plant of a topology file, or the simulated demo plant')
  .option('-t, --topology <file>', 'the topology file (default: the demo plant with its simulators)')
  .option('-d, --data <dir>', 'folder of journal, log and history (default: ./data)')
  .option('-p, --port <port>', 'port of the wall and the API (default: 8080; 0 takes a free one)')
  .option('--host <address>', 'address to listen on (default: 127.0.0.1)')
  .addOption(config)
  .option('--no-simulators', 'do not start the simulators of the demo plant')
  .addHelpText('after', '\nSettings also come from the environment (SIGNALBOX_PORT …): docs/reference/settings.md')
  .action(start);

program
  .command('check')
  .description('check a topology file; prints every problem with file, line and column')
  .argument('<file>', 'the topology file')
  .action(check);

const token = program.command('token').description('make, list and revoke access tokens of people and programs');
token
  .command('create')
  .description('make a token; it is shown once and never again')
  .argument('<name>', 'whom or what it is for')
  .option(
    '-r, --role <role>',
    'viewer, operator, technician, engineer, admin, or a role of the topology file',
    'viewer',
  )
  .option('--days <days>', 'valid for so many days (default: until revoked)')
  .addOption(dataDir)
  .addOption(config)
  .action(createToken);
token
  .command('list')
  .description('list the tokens; their secrets are not stored')
  .addOption(dataDir)
  .addOption(config)
  .action(listTokens);
token
  .command('revoke')
  .description('end a token at once; its open connections are closed')
  .argument('<id>', 'as the list shows it')
  .addOption(dataDir)
  .addOption(config)
  .action(revokeToken);

await program.parseAsync();
