import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import ts from 'typescript';
import { z } from 'zod';
import { DEPLOY, deployFile, plantOf, problemsOfSettings, yamlOf } from '../support/deploy.ts';
import { ROOT } from '../support/places.ts';

const BASE = path.join('kubernetes', 'base');
const EXAMPLE = path.join('kubernetes', 'overlays', 'example');

const Labels = z.record(z.string(), z.string());
const Manifest = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string() }),
});
type Manifest = z.infer<typeof Manifest>;
const Kustomization = z.object({
  resources: z.array(z.string()),
  images: z.array(z.object({ name: z.string(), newTag: z.union([z.string(), z.number()]) })).default([]),
  configMapGenerator: z.array(z.object({ name: z.string(), files: z.array(z.string()) })).default([]),
});

function kustomizationOf(folder: string): z.infer<typeof Kustomization> {
  return Kustomization.parse(yamlOf(deployFile(folder, 'kustomization.yaml'))[0]);
}

/** Manifests of a folder, through the folders that its kustomization names; not built by kustomize. */
function manifestsOf(folder: string): Manifest[] {
  return kustomizationOf(folder).resources.flatMap((resource) =>
    resource.endsWith('.yaml')
      ? yamlOf(deployFile(folder, resource)).map((document) => Manifest.parse(document))
      : manifestsOf(path.join(folder, resource)),
  );
}
const manifests = manifestsOf(EXAMPLE);
const ofKind = (kind: string) => manifests.filter((manifest) => manifest.kind === kind);

/** The manifest as a literal of the type that its API has: the compiler finds what is missing, misspelt or of a wrong type. */
function faultsOf(some: readonly Manifest[]): string[] {
  const lines = some.map((manifest, i) => {
    const [group = '', version] = manifest.apiVersion.includes('/')
      ? manifest.apiVersion.split('/')
      : ['core', manifest.apiVersion];
    const module = `kubernetes-types/${group.split('.')[0]}/${version}`;
    return `export const m${i}: import('${module}').${manifest.kind} = ${JSON.stringify(manifest)};`;
  });
  const file = path.join(ROOT, 'test', 'manifests.ts');
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    types: [],
    skipLibCheck: true,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    module: ts.ModuleKind.ESNext,
    lib: ['lib.es2022.d.ts'],
  };
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile } = host;
  host.fileExists = (name) => name === file || fileExists(name);
  host.readFile = (name) => (name === file ? lines.join('\n') : readFile(name));
  const getSourceFile = host.getSourceFile.bind(host);
  host.getSourceFile = (name, target) =>
    name === file ? ts.createSourceFile(name, lines.join('\n'), target) : getSourceFile(name, target);
  const program = ts.createProgram([file], options, host);
  return ts.getPreEmitDiagnostics(program).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
}

const Mount = z.object({ name: z.string(), mountPath: z.string(), readOnly: z.boolean().optional() });
const Probe = z.object({ httpGet: z.object({ path: z.string(), port: z.string() }) });
const Container = z.object({
  image: z.string(),
  args: z.array(z.string()),
  env: z.array(
    z.union([
      z.object({ name: z.string(), value: z.string() }),
      z.object({
        name: z.string(),
        valueFrom: z.object({ fieldRef: z.object({ fieldPath: z.literal('metadata.name') }) }),
      }),
    ]),
  ),
  ports: z.array(z.object({ name: z.string(), containerPort: z.number() })),
  securityContext: z.object({
    allowPrivilegeEscalation: z.literal(false),
    readOnlyRootFilesystem: z.literal(true),
    capabilities: z.object({ drop: z.tuple([z.literal('ALL')]) }),
  }),
  startupProbe: Probe,
  livenessProbe: Probe,
  readinessProbe: Probe,
  lifecycle: z.object({ preStop: z.object({ sleep: z.object({ seconds: z.number() }) }) }),
  resources: z.object({ requests: z.record(z.string(), z.string()), limits: z.record(z.string(), z.string()) }),
  volumeMounts: z.array(Mount),
});
const StatefulSet = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    serviceName: z.string(),
    replicas: z.number(),
    selector: z.object({ matchLabels: Labels }),
    template: z.object({
      metadata: z.object({ labels: Labels }),
      spec: z.object({
        automountServiceAccountToken: z.literal(false),
        terminationGracePeriodSeconds: z.number(),
        securityContext: z.object({
          runAsNonRoot: z.literal(true),
          runAsUser: z.literal(1000),
          fsGroup: z.literal(1000),
          seccompProfile: z.object({ type: z.literal('RuntimeDefault') }),
        }),
        affinity: z.object({ podAntiAffinity: z.object({}) }),
        containers: z.tuple([Container]),
        volumes: z.array(
          z.object({
            name: z.string(),
            configMap: z.object({ name: z.string() }).optional(),
            secret: z.object({ secretName: z.string() }).optional(),
          }),
        ),
      }),
    }),
    volumeClaimTemplates: z.array(z.object({ metadata: z.object({ name: z.string() }) })),
  }),
});
const { spec } = StatefulSet.parse(ofKind('StatefulSet')[0]);
const pod = spec.template.spec;
const [container] = pod.containers;
const environment = Object.fromEntries(
  container.env.map((variable) => [variable.name, 'value' in variable ? variable.value : 'signalbox-core-0']),
);
const below = (file: string | undefined, mount: string) =>
  file?.startsWith(`${container.volumeMounts.find(({ name }) => name === mount)?.mountPath}/`);

describe('manifests for Kubernetes', () => {
  test('are what the API of Kubernetes takes, and a key that is misspelt would be found', () => {
    assert.deepEqual(faultsOf(manifests), []);
    const [policy] = ofKind('NetworkPolicy');
    assert.ok(policy);
    const misspelt = faultsOf([{ ...policy, spec: { podSelector: {}, policyType: ['Ingress'] } }]);
    assert.match(misspelt.join(), /policyType/);
  });

  test('are all in a kustomization, and every file that one names is there', () => {
    for (const folder of [BASE, EXAMPLE]) {
      const { resources, configMapGenerator } = kustomizationOf(folder);
      const named = new Set(['kustomization.yaml', ...resources, ...configMapGenerator.flatMap(({ files }) => files)]);
      for (const name of fs.readdirSync(path.join(DEPLOY, folder)).filter((file) => file.endsWith('.yaml')))
        assert.ok(named.has(name), `${folder}/${name} is in no kustomization`);
      for (const name of named) assert.ok(fs.existsSync(path.join(DEPLOY, folder, name)), `${folder}/${name}`);
    }
  });

  test('select the pods that they speak of', () => {
    const { labels } = spec.template.metadata;
    assert.deepEqual(spec.selector.matchLabels, labels);
    const Selecting = z.object({ spec: z.object({ selector: Labels }) });
    for (const service of ofKind('Service')) assert.deepEqual(Selecting.parse(service).spec.selector, labels);
    const Budget = z.object({ spec: z.object({ selector: z.object({ matchLabels: Labels }) }) });
    assert.deepEqual(Budget.parse(ofKind('PodDisruptionBudget')[0]).spec.selector.matchLabels, labels);
    const Policy = z.object({
      metadata: z.object({ name: z.string() }),
      spec: z.object({ podSelector: z.object({ matchLabels: Labels.optional() }) }),
    });
    for (const policy of ofKind('NetworkPolicy').map((one) => Policy.parse(one)))
      assert.deepEqual(
        policy.spec.podSelector.matchLabels,
        policy.metadata.name === 'signalbox-closed' ? undefined : labels,
      );
    assert.ok(ofKind('Service').some(({ metadata }) => metadata.name === spec.serviceName));
  });

  test('open nothing to everybody: every way in or out has a peer and a port', () => {
    const Policy = z.object({
      spec: z.object({
        policyTypes: z.array(z.string()).nonempty(),
        ingress: z
          .array(
            z.object({ from: z.array(z.looseObject({})).nonempty(), ports: z.array(z.looseObject({})).nonempty() }),
          )
          .optional(),
        egress: z
          .array(z.object({ to: z.array(z.looseObject({})).nonempty(), ports: z.array(z.looseObject({})).nonempty() }))
          .optional(),
      }),
    });
    const policies = ofKind('NetworkPolicy').map((policy) => Policy.parse(policy).spec);
    assert.ok(
      policies.some(({ policyTypes, ingress, egress }) => policyTypes.length === 2 && !ingress && !egress),
      'all is closed first',
    );
  });

  test('give a node settings that it starts with, and paths that are mounted', () => {
    const settings = z.record(z.string(), z.unknown()).parse(JSON.parse(deployFile(EXAMPLE, 'settings.example.json')));
    assert.deepEqual(problemsOfSettings(environment, settings), []);
    assert.ok(below(environment.SIGNALBOX_DATA_DIR, 'data'));
    assert.ok(below(environment.SIGNALBOX_TOPOLOGY, 'plant'));
    assert.ok(below(environment.NODE_EXTRA_CA_CERTS, 'settings'));
    assert.ok(below(container.args[container.args.indexOf('--config') + 1], 'settings'));
    const volumes = new Set(
      [...pod.volumes, ...spec.volumeClaimTemplates.map(({ metadata }) => metadata)].map(({ name }) => name),
    );
    for (const { name } of container.volumeMounts) assert.ok(volumes.has(name), name);
    const [generated] = kustomizationOf(EXAMPLE).configMapGenerator;
    assert.equal(generated?.name, pod.volumes.find(({ name }) => name === 'plant')?.configMap?.name);
    assert.ok(generated?.files.includes(path.basename(environment.SIGNALBOX_TOPOLOGY ?? '')));
  });

  test('ask the port of the node whether it is alive and whether it is ready', () => {
    const [http] = container.ports;
    assert.equal(String(http?.containerPort), environment.SIGNALBOX_PORT);
    for (const [probe, asked] of [
      [container.startupProbe, '/health'],
      [container.livenessProbe, '/health'],
      [container.readinessProbe, '/ready'],
    ] as const)
      assert.deepEqual(probe.httpGet, { path: asked, port: http?.name });
  });

  test('leave a node the time to hand over, and never throttle it', () => {
    assert.ok(pod.terminationGracePeriodSeconds >= container.lifecycle.preStop.sleep.seconds + 30);
    assert.ok(
      container.resources.requests.cpu && container.resources.requests.memory && container.resources.limits.memory,
    );
    assert.equal(container.resources.limits.cpu, undefined);
  });

  test('run in a namespace that admits no more than they ask for', () => {
    const [namespace] = ofKind('Namespace');
    assert.equal(Labels.parse(namespace?.metadata.labels)['pod-security.kubernetes.io/enforce'], 'restricted');
    assert.equal(kustomizationOf(EXAMPLE).images[0]?.name, container.image);
  });

  test('bring a sound topology file, whose certificates are mounted', async () => {
    const plant = await plantOf(path.join(DEPLOY, EXAMPLE, 'plant.yaml'));
    for (const { settings } of plant.connections.values()) {
      assert.ok(
        settings.driver === 'mqtt' &&
          below(settings.ca, 'settings') &&
          below(settings.certificate, 'settings') &&
          below(settings.key, 'settings'),
      );
    }
  });
});
