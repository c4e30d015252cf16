import { Command, Option } from 'commander';
import { version } from './version.ts';

/**
 * The `signalbox` command. Every command prints one clear line when it fails, and exits with 1. What one needs is loaded when it
 * is given: no other waits for the whole runtime.
 */
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
  .option('--node <name>', 'name of this node, unique in its cell (default: core-1)')
  .option(
    '--workers <number>',
    'run so many nodes of the cell here, each a process with a port of its own, from --port on',
  )
  .option('--cell <name>', 'run the sites of this cell alone, as an edge does (default: core, the centre)')
  .addOption(config)
  .option('--no-simulators', 'do not start the simulators of the demo plant')
  .addHelpText('after', '\nSettings also come from the environment (SIGNALBOX_PORT …): docs/reference/settings.md')
  .action(async ({ workers, ...options }) => {
    if (workers === undefined) await (await import('./start.ts')).start(options);
    else await (await import('./workers.ts')).startWorkers(workers, options);
  });

program
  .command('check')
  .description('check a topology file; prints every problem with file, line and column')
  .argument('<file>', 'the topology file')
  .action(async (file) => (await import('./check.ts')).check(file));

program
  .command('browse')
  .description('list what an OPC UA server has: the nodes below one, with type, access and present value')
  .argument('<connection>', 'id of an opcua connection in the topology file')
  .argument('[node]', 'where to begin: nsu=<uri>;s=<name>, ns=2;s=<name> or i=85 (default: the Objects folder)')
  .option('-t, --topology <file>', 'the topology file (default: that of the settings, else the demo plant)')
  .option('--depth <levels>', 'levels below that node, 0 to 16', '3')
  .option('--yaml', 'print the variables as points, to paste under a device without nodePrefix')
  .addOption(dataDir)
  .addOption(config)
  .addHelpText(
    'after',
    `
Works beside a running plant, by a session of its own, and changes nothing on the server. Of the data folder it uses
nothing but the certificates (opcua-pki): a server must be trusted as for start. It lists 5,000 nodes at most.

  signalbox browse scada --topology plant.yaml
  signalbox browse scada "nsu=urn:vendor:turbine;s=T1" --topology plant.yaml --yaml`,
  )
  .action(async (connection, node, options) => (await import('./browse.ts')).browse(connection, node, options));

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
  .action(async (name, options) => (await import('./token.ts')).createToken(name, options));
token
  .command('list')
  .description('list the tokens; their secrets are not stored')
  .addOption(dataDir)
  .addOption(config)
  .action(async (options) => (await import('./token.ts')).listTokens(options));
token
  .command('revoke')
  .description('end a token at once; its open connections are closed')
  .argument('<id>', 'as the list shows it')
  .addOption(dataDir)
  .addOption(config)
  .action(async (id, options) => (await import('./token.ts')).revokeToken(id, options));

await program.parseAsync();
