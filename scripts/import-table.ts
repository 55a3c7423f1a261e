// Who may import whom, as data: the table of ARCHITECTURE.md, read by tidy.ts. A row is a folder, by the name
// of its face (`#baggage` -> baggage); what is not in the row is refused. Why it is so: the wings run in
// different places, and what loads into a user's process must never reach what only our services may use.

export const CORE = ['base', 'baggage', 'protocol', 'advice', 'query', 'model', 'fair'] as const
export const PROCESS = ['context', 'carriers', 'weave', 'agent', 'api', 'browser'] as const
export const SERVICE = ['log', 'store', 'traces', 'control', 'server'] as const

/** Folder -> the faces it may import. Itself, and node: where `mayUseNode` says so, go without saying. */
export const IMPORT_TABLE: Readonly<Record<string, readonly string[]>> = {
  // core/: pure, runs anywhere
  base: [],
  baggage: ['base'],
  protocol: ['base', 'baggage'],
  advice: ['base', 'baggage', 'protocol'],
  query: ['base', 'baggage', 'protocol', 'advice'],
  model: ['base', 'protocol'],
  fair: ['base'],
  // process/: in the user's process, no dependency
  context: ['base', 'baggage'],
  carriers: ['base', 'baggage', 'context'],
  weave: ['base', 'protocol'],
  agent: ['base', 'baggage', 'protocol', 'advice', 'fair', 'context', 'carriers', 'weave'],
  api: ['base', 'protocol', 'fair', 'context'],
  browser: ['base'],
  // service/: ours
  log: ['base'],
  store: ['base'],
  traces: ['base', 'protocol', 'model', 'store', 'log'],
  control: ['base', 'protocol', 'fair'],
  server: [...CORE, ...SERVICE.filter((name) => name !== 'server')],
  // face/: what people touch
  cli: ['base', 'baggage', 'protocol', 'query', 'model', 'server'],
  web: ['protocol', 'query', 'model'],
  // across
  tools: ['base', 'baggage', 'protocol'],
  demo: [],
}

/** Where each folder lives, in the order of the wings. */
export const FOLDERS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(CORE.map((name) => [name, `core/${name}`])),
  ...Object.fromEntries(PROCESS.map((name) => [name, `process/${name}`])),
  ...Object.fromEntries(SERVICE.map((name) => [name, `service/${name}`])),
  cli: 'face/cli',
  web: 'face/web',
  tools: 'tools',
  demo: 'demo',
}

/** Only core/ must run without Node. */
export function mayUseNode(folder: string): boolean {
  return !(CORE as readonly string[]).includes(folder)
}

/** npm packages by folder; nothing that enters a user's process has any. Each has its line in RATIONALE. */
export const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  // Bundled into the package: a user installs none.
  weave: ['acorn'],
  store: ['chdb', '@clickhouse/client'],
  web: [
    '@codemirror/autocomplete',
    '@codemirror/commands',
    '@codemirror/lint',
    '@codemirror/state',
    '@codemirror/view',
    'preact',
    '@fontsource-variable/geist',
    '@fontsource-variable/geist-mono',
  ],
  demo: ['fastify', 'undici', 'async-mutex', '@opentelemetry/api', 'playwright-core'],
}
