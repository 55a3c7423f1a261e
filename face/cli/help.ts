// Help on the terminal and docs/reference/cli.md, both from the verb table.

import { VERBS } from './verbs.ts'
import type { Flag, Verb } from './verb.ts'

export function overview(version: string): string {
  const width = Math.max(...VERBS.map(({ name }) => name.length))
  return `crosscut ${version}: see, ask and steer every request of a system of Node.js processes

  crosscut up                      start the server, print its URL
  crosscut run -- node app.js      start a program that is traced
  crosscut doctor                  why do no spans arrive?

Verbs
${VERBS.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}\n`).join('')}
crosscut <verb> --help shows flags and examples. Exit codes: 0 ok, 1 failed, 2 wrong usage.
`
}

export function helpOf(verb: Verb): string {
  const flags = Object.entries(verb.flags).map(([name, flag]) => [flagText(name, flag), flag.says] as const)
  const width = Math.max(0, ...flags.map(([text]) => text.length))
  return `crosscut ${verb.name}: ${verb.summary}

${verb.examples.map((example) => `  ${example}\n`).join('')}
Usage: ${usageOf(verb)}
${flags.length === 0 ? '' : `\nFlags\n${flags.map(([text, says]) => `  ${text.padEnd(width)}  ${says}\n`).join('')}`}`
}

/** docs/reference/cli.md */
export function reference(): string {
  const parts = VERBS.map(
    (verb) => `## crosscut ${verb.name}

${capital(verb.summary)}.

    ${usageOf(verb)}

${
  Object.keys(verb.flags).length === 0
    ? ''
    : `| flag | what |\n|---|---|\n${Object.entries(verb.flags)
        .map(([name, flag]) => `| \`${flagText(name, flag)}\` | ${flag.says.replaceAll('|', '\\|')} |\n`)
        .join('')}\n`
}${verb.examples.map((example) => `    ${example}\n`).join('')}`,
  )
  return `# The command line

Made from the verb table (\`face/cli/verbs.ts\`) by \`node face/cli/reference.ts\`; a test holds it to that.

Data goes to stdout, messages to stderr. \`--json\` is stable: one object, or one a line where rows are
listed. Exit codes: 0 ok, 1 failed (one line with a stable code \`E_...\` on stderr), 2 wrong usage.
\`NO_COLOR\` is honoured; nothing is coloured when piped. In the clone run
\`npx crosscut\`, or \`node scripts/crosscut.mjs\`; any Node from 20 on will do.

The server is found by \`--server\`, \`CROSSCUT_SERVER\`, \`DIR/server.json\`; the token by \`--token-file\`,
\`CROSSCUT_TOKEN\`, \`DIR/admin-token\`, where DIR is \`--data\`, \`CROSSCUT_DATA\` or the
nearest \`.crosscut\` upwards.

${parts.join('\n')}`
}

function usageOf({ name, usage, flags }: Verb): string {
  return ['crosscut', name, Object.keys(flags).length === 0 ? '' : '[flags]', usage]
    .filter((part) => part !== '')
    .join(' ')
}

function flagText(name: string, { value, short, isMany = false }: Flag): string {
  const before = short === undefined ? '' : `-${short}, `
  return `${before}--${name}${value === undefined ? '' : ` ${value}`}${isMany ? ' ...' : ''}`
}

function capital(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`
}
