// `completion bash|zsh|fish`: a script for the shell, made from the verb table.

import { UsageError, type Verb } from '../verb.ts'

/** `verbs` is given when the table is made: completion is itself a row of it. */
export function completionVerb(verbs: () => readonly Verb[]): Verb {
  return {
    name: 'completion',
    summary: 'print a completion script for bash, zsh or fish',
    usage: 'bash | zsh | fish',
    words: [1, 1],
    flags: {},
    examples: [
      'crosscut completion bash > /etc/bash_completion.d/crosscut',
      'source <(crosscut completion zsh)',
    ],
    run: async (io, args) => {
      const shell = args.words[0] ?? ''
      const script = shell === 'bash' ? bash : shell === 'zsh' ? zsh : shell === 'fish' ? fish : undefined
      if (script === undefined) throw new UsageError('completion knows bash, zsh and fish')
      io.out(script(verbs()))
      return 0
    },
  }
}

const flagsOf = (verb: Verb): string =>
  Object.keys(verb.flags)
    .map((name) => `--${name}`)
    .join(' ')
const names = (verbs: readonly Verb[]): string => verbs.map(({ name }) => name).join(' ')

function bash(verbs: readonly Verb[]): string {
  const cases = verbs.map((verb) => `    ${verb.name}) words="${flagsOf(verb)}" ;;`).join('\n')
  return `_crosscut() {
  local current="\${COMP_WORDS[COMP_CWORD]}" words="${names(verbs)} help"
  if [ "$COMP_CWORD" -gt 1 ]; then case "\${COMP_WORDS[1]}" in
${cases}
    *) words="" ;;
  esac; fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _crosscut crosscut
`
}

function zsh(verbs: readonly Verb[]): string {
  const described = verbs.map(({ name, summary }) => `    '${name}:${quoted(summary)}'`).join('\n')
  const cases = verbs
    .map(
      (verb) =>
        `    ${verb.name}) _arguments ${Object.entries(verb.flags)
          .map(([name, { says }]) => `'--${name}[${quoted(says).replace(/[[\]]/g, '')}]'`)
          .join(' ')} '*:file:_files' ;;`,
    )
    .join('\n')
  return `#compdef crosscut
_crosscut() {
  local -a verbs
  verbs=(
${described}
  )
  if (( CURRENT == 2 )); then _describe verb verbs; return; fi
  case "$words[2]" in
${cases}
  esac
}
compdef _crosscut crosscut
`
}

function fish(verbs: readonly Verb[]): string {
  return verbs
    .flatMap((verb) => [
      `complete -c crosscut -n __fish_use_subcommand -a ${verb.name} -d '${quoted(verb.summary)}'`,
      ...Object.entries(verb.flags).map(
        ([name, { says }]) =>
          `complete -c crosscut -n '__fish_seen_subcommand_from ${verb.name}' -l ${name} -d '${quoted(says)}'`,
      ),
    ])
    .map((line) => `${line}\n`)
    .join('')
}

function quoted(text: string): string {
  return text.replaceAll("'", '').replaceAll(':', ' -')
}
