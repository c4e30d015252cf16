/** The layers of the project: who may import whom. See docs/decisions/0001-layers.md. */
const only = (name, from, forbidden, comment) => ({
  name,
  severity: 'error',
  comment,
  from: { path: from },
  to: { path: forbidden },
});
const valueImport = { dependencyTypesNot: ['type-only'] };

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    only(
      'runtime-knows-no-one',
      '^runtime/',
      '^(actors|gateways|topology|ui|cli|simulators)/',
      'the engine has no industrial word in it',
    ),
    only(
      'topology-knows-no-one',
      '^topology/',
      '^(actors|gateways|runtime|ui|cli|simulators)/',
      'the file is understood on its own',
    ),
    only(
      'actors-do-no-io',
      '^actors/',
      '^(gateways|ui|cli|simulators)/',
      'actors emit effects that a gateway carries out',
    ),
    {
      name: 'gateways-use-types-of-actors-and-topology',
      severity: 'error',
      comment:
        'topology/syntax says how addresses, topics and roles are written: the check and the drivers read them with one code',
      from: { path: '^gateways/' },
      to: { path: '^(actors|topology)/', pathNot: '^topology/syntax/', ...valueImport },
    },
    only('gateways-know-no-front', '^gateways/', '^(ui|cli|simulators)/', 'the wall is a client like any other'),
    {
      name: 'ui-imports-types-only',
      severity: 'error',
      from: { path: '^ui/' },
      to: { path: '^(actors|gateways|runtime|topology|cli|simulators)/', ...valueImport },
    },
    only(
      'simulators-stand-alone',
      '^simulators/',
      '^(actors|gateways|runtime|ui|cli)/',
      'the field is not part of the product under test',
    ),
    ...[
      ['nact', 'nact'],
      ['sql', '(libsql|kysely|pg)'],
    ].map(([folder, packages]) => ({
      name: `only-runtime-${folder}-imports-its-package`,
      severity: 'error',
      from: { path: '^(runtime|actors|gateways|topology|cli)/', pathNot: `^runtime/${folder}/|^gateways/historian/` },
      to: { path: `node_modules/${packages}/` },
    })),
    {
      name: 'only-log-and-transporter-import-nats',
      severity: 'error',
      from: { path: '^(runtime|actors|gateways|topology|cli)/', pathNot: '^runtime/(nats|moleculer)/' },
      to: { path: 'node_modules/nats/' },
    },
    {
      name: 'only-live-cache-imports-ioredis',
      severity: 'error',
      from: { path: '^(runtime|actors|gateways|topology|cli)/', pathNot: '^runtime/redis/' },
      to: { path: 'node_modules/ioredis/' },
    },
    { name: 'no-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'packages-are-named',
      severity: 'error',
      comment: 'a package that is there only because another one needs it may go, or come in another version',
      from: {},
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'npm-peer', 'npm-optional'] },
    },
    {
      name: 'product-needs-no-tools',
      severity: 'error',
      comment: 'packages for development are not installed where the product runs; types alone are gone by then',
      from: { pathNot: '^(test|scripts)/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^dist/|^docs/)' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.mjs', '.js'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
