// Exports of the product that nobody uses: no other file, no test, and not even their own file. `--all` lists what is used in its
// own file alone, too, and what only tests import.
import path from 'node:path';
import ts from 'typescript';
import { ROOT } from './setup.mjs';

const PRODUCT = ['runtime', 'actors', 'gateways', 'topology', 'ui', 'cli', 'simulators'];
/** Whoever may import from there beside the product itself. */
const USERS = ['test', 'scripts', 'moleculer.config.ts'];

const placeOf = (file) => path.relative(ROOT, file.fileName).split(path.sep).join('/');
const isIn = (folders, place) => folders.some((folder) => place === folder || place.startsWith(`${folder}/`));

const { config } = ts.readConfigFile(path.join(ROOT, 'tsconfig.json'), ts.sys.readFile);
const include = [...PRODUCT, ...USERS];
const { options, fileNames } = ts.parseJsonConfigFileContent(
  { ...config, compilerOptions: { ...config.compilerOptions, allowJs: true, incremental: false }, include },
  ts.sys,
  ROOT,
);
const program = ts.createProgram(fileNames, { ...options, tsBuildInfoFile: undefined });
const checker = program.getTypeChecker();
const files = program.getSourceFiles().filter((file) => isIn(include, placeOf(file)));

/** Symbols by who imports them: `product`, `others`. */
const used = { product: new Set(), others: new Set() };

function original(symbol) {
  return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
}

function useAll(specifier, by) {
  const module = checker.getSymbolAtLocation(specifier);
  if (module !== undefined) for (const symbol of checker.getExportsOfModule(module)) by.add(original(symbol));
}

/** Of a module as a whole, or by a name that is made up while it runs, everything counts as used. */
function look(node, by) {
  if (ts.isImportDeclaration(node)) {
    const bindings = node.importClause?.namedBindings;
    if (bindings !== undefined && ts.isNamespaceImport(bindings)) useAll(node.moduleSpecifier, by);
    for (const name of [node.importClause?.name, ...(bindings?.elements?.map((element) => element.name) ?? [])]) {
      const symbol = name && checker.getSymbolAtLocation(name);
      if (symbol !== undefined) by.add(original(symbol));
    }
    return;
  }
  if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined) useAll(node.moduleSpecifier, by);
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) useAll(node.arguments[0], by);
  if (ts.isImportTypeNode(node)) useAll(node.argument.literal, by);
  ts.forEachChild(node, (child) => look(child, by));
}

for (const file of files) look(file, isIn(PRODUCT, placeOf(file)) ? used.product : used.others);

/** Whether a file uses what it declares itself, beside declaring it. */
function isUsedIn(file, declared) {
  const names = new Set(declared.declarations?.map((declaration) => ts.getNameOfDeclaration(declaration)));
  const isUse = (node) => {
    if (ts.isIdentifier(node) && node.text === declared.name && !names.has(node)) {
      const shorthand = ts.isShorthandPropertyAssignment(node.parent);
      const symbol = shorthand
        ? checker.getShorthandAssignmentValueSymbol(node.parent)
        : checker.getSymbolAtLocation(node);
      if (symbol !== undefined && original(symbol) === declared) return true;
    }
    return ts.forEachChild(node, (child) => isUse(child) || undefined) ?? false;
  };
  return isUse(file);
}

const all = process.argv.includes('--all');
let dead = 0;
for (const file of files) {
  const place = placeOf(file);
  const module = checker.getSymbolAtLocation(file);
  if (!isIn(PRODUCT, place) || module === undefined) continue;
  for (const symbol of checker.getExportsOfModule(module)) {
    const declared = original(symbol);
    const isHere = declared.declarations?.some((declaration) => declaration.getSourceFile() === file) ?? false;
    if (!isHere || used.product.has(declared)) continue;
    const isTested = used.others.has(declared);
    const isOwn = isUsedIn(file, declared);
    const isDead = !isTested && !isOwn;
    if (isDead) dead++;
    const why = isDead
      ? 'is used by nobody'
      : isTested
        ? `is used by tests${isOwn ? ' and its own file' : ''} alone`
        : 'is used in its own file alone';
    if (isDead || all) console.log(`${place}: ${symbol.name} ${why}`);
  }
}
process.exit(dead === 0 ? 0 : 1);
