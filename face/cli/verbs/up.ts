// `crosscut up`: starts the server in the foreground.

import { asTyped } from '../install.ts'
import { loadServer } from '../load-server.ts'
import { UsageError, type Args, type Verb } from '../verb.ts'

export const up: Verb = {
  name: 'up',
  summary: 'start the server: UI and API on 7070, OTLP on 4318 (HTTP) and 4317 (gRPC)',
  usage: '',
  words: [0, 0],
  flags: {
    data: { value: 'DIR', says: 'data folder (default ./.crosscut)' },
    port: { value: 'N', says: 'UI and API (default 7070; 0 = any free port)' },
    'otlp-port': { value: 'N', says: 'OTLP/HTTP (default 4318; 0 = any free port)' },
    'otlp-grpc-port': {
      value: 'N',
      says: 'OTLP/gRPC (default 4317, or any free port with --otlp-port 0; 0 = any free port)',
    },
    'auto-port': { says: 'take the next free port when one is busy' },
    host: { value: 'HOST', says: 'address to listen on (default 127.0.0.1)' },
    'allow-host': { value: 'NAME', isMany: true, says: 'a further host name this server is addressed by' },
    'allow-origin': { value: 'URL', isMany: true, says: 'browser origin that may post spans' },
    'country-header': { value: 'NAME', says: "header in which a proxy tells a page's country" },
    'retention-hours': { value: 'N', says: 'keep spans this long' },
    'trace-idle-ms': { value: 'N', says: 'rows of a trace: root seen and quiet this long (default 800)' },
    'trace-rootless-idle-ms': { value: 'N', says: 'the same, its root not seen (default 1200)' },
    'trace-first-ms': { value: 'N', says: 'at the latest, after its first span (default 10000)' },
    'trace-again-ms': { value: 'N', says: 'and anew, while it goes on (default 10000)' },
    'token-file': { value: 'FILE', says: "file with the operator's token (default DIR/admin-token)" },
    'insecure-no-auth': { says: 'everybody is admin; loopback only, for tests' },
    json: { says: 'one JSON object with the URLs on stdout' },
  },
  examples: ['crosscut up', 'crosscut up --data /var/lib/crosscut --auto-port'],
  run: async (io, args) => {
    const { startServer } = await loadServer()
    const server = await startServer(optionsOf(args, io.say), io.env)
    const loginUrl = server.newLoginUrl()
    if (args.has('json')) {
      io.out(
        `${JSON.stringify({ ...urlsOf(server), loginUrl, pageKey: server.pageKey, dataDir: server.dataDir, pid: process.pid })}\n`,
      )
    } else {
      // Other verbs look in .crosscut: of another folder they must be told.
      const where = args.text('data') === undefined ? '' : ` --data ${quoted(server.dataDir)}`
      io.out(
        `Crosscut is running.\n  open    ${loginUrl}   (works once; another: ${asTyped()} login${where})\n` +
          `  spans   ${server.otlpUrl}/v1/traces, gRPC ${server.otlpGrpcUrl ?? 'off'}\n  trace   ${asTyped()} run${where} -- node app.js\n` +
          (server.pageKey === undefined ? '' : `  pages   key ${server.pageKey}\n`) +
          `  data    ${server.dataDir}\n`,
      )
    }
    await aborted(io.signal)
    io.say('stopping\n')
    await server.close()
    return 0
  },
}

function optionsOf(args: Args, say: (text: string) => void): import('#server').ServerOptions {
  const hours = args.text('retention-hours')
  if (hours !== undefined && !(Number(hours) > 0))
    throw new UsageError('--retention-hours must be a number of hours')
  return {
    dataDir: args.text('data'),
    host: args.text('host'),
    port: args.count('port', 65_535),
    otlpPort: args.count('otlp-port', 65_535),
    otlpGrpcPort: args.count('otlp-grpc-port', 65_535),
    autoPort: args.has('auto-port') ? true : undefined,
    insecureNoAuth: args.has('insecure-no-auth') ? true : undefined,
    allowedHosts: args.all('allow-host').length === 0 ? undefined : args.all('allow-host'),
    otlpOrigins: args.all('allow-origin').length === 0 ? undefined : args.all('allow-origin'),
    countryHeader: args.text('country-header'),
    retentionHours: numberOf(hours),
    traceIdleMs: numberOf(args.text('trace-idle-ms')),
    traceRootlessIdleMs: numberOf(args.text('trace-rootless-idle-ms')),
    traceFirstMs: numberOf(args.text('trace-first-ms')),
    traceAgainMs: numberOf(args.text('trace-again-ms')),
    tokenFile: args.text('token-file'),
    log: (message) => say(`${message}\n`),
  }
}

/** The server says what it may be. */
function numberOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text)
}

function urlsOf({ url, otlpUrl, otlpGrpcUrl }: import('#server').ServerHandle): object {
  return { url, otlpUrl, ...(otlpGrpcUrl === undefined ? {} : { otlpGrpcUrl }) }
}

/** As a shell takes it. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
