// Type-checks a Grafana dashboard: `node check.mjs DASHBOARD.json`.
//
// Grafana publishes its schema as types. The dashboard becomes a literal of the type `Dashboard`, and
// each panel's options and field settings literals of its own kind's types; what does not fit is
// printed, and the exit code is 1.

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const here = dirname(fileURLToPath(import.meta.url));
const dashboard = JSON.parse(readFileSync(process.argv[2], 'utf8'));

/** Kinds of panels whose own types are known here. */
const KINDS = ['timeseries', 'stat'];

function source() {
  const lines = [
    "import type * as raw from './node_modules/@grafana/schema/dist/types/raw/dashboard/x/types.gen';",
    // JSON has texts and numbers where the types have enumerations.
    'type Plain<T> = T extends string ? `${T}` : T extends (infer U)[] ? Plain<U>[]',
    '  : T extends object ? { [K in keyof T]: Plain<T[K]> } : T;',
  ];
  for (const kind of KINDS) {
    const path = `./node_modules/@grafana/schema/dist/types/raw/composable/${kind}/panelcfg/x`;
    lines.push(`import type * as ${kind} from '${path}/types.gen';`);
  }
  const { panels, ...rest } = dashboard;
  const literal = (type, value) =>
    lines.push(`(${JSON.stringify(value)}) satisfies ${type};`);
  literal("Plain<Omit<raw.Dashboard, 'panels'>>", rest);
  for (const panel of panels) {
    if (panel.type === 'row') {
      literal('Plain<raw.RowPanel>', panel);
      continue;
    }
    if (!KINDS.includes(panel.type)) {
      throw new Error(`panel "${panel.title}": no types are known for kind ${panel.type}`);
    }
    literal('Plain<raw.Panel>', panel);
    literal(`Plain<Partial<${panel.type}.Options>>`, panel.options);
    if (panel.type === 'timeseries') {
      literal('Plain<timeseries.FieldConfig>', panel.fieldConfig.defaults.custom);
    }
  }
  return lines.join('\n');
}

const name = join(here, 'dashboard.check.ts');
const options = {
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  target: ts.ScriptTarget.ES2022,
  types: [],
};
const host = ts.createCompilerHost(options);
const text = source();
const { getSourceFile, fileExists, readFile } = host;
host.getSourceFile = (file, ...more) =>
  file === name ? ts.createSourceFile(file, text, options.target) : getSourceFile(file, ...more);
host.fileExists = (file) => file === name || fileExists(file);
host.readFile = (file) => (file === name ? text : readFile(file));
const program = ts.createProgram([name], options, host);
const found = ts.getPreEmitDiagnostics(program);
for (const problem of found) {
  console.log(ts.flattenDiagnosticMessageText(problem.messageText, '\n'));
}
process.exitCode = found.length > 0 ? 1 : 0;
