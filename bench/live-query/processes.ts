// A process and all that it started: which core they run on, and how much CPU they took. Linux; needs
// `taskset` (Debian: util-linux).

import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/** The process first. */
export function family(pid: number): readonly number[] {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    const child = Number(name)
    if (Number.isInteger(child)) parents.set(child, parentOf(child))
  }
  const isBelow = (child: number): boolean => {
    const parent = parents.get(child)
    return parent !== undefined && (parent === pid || isBelow(parent))
  }
  return [pid, ...[...parents.keys()].filter(isBelow)]
}

/** To `cores` (`0`, `0-1`), with every thread there is; what they start later follows. */
export function pin(pids: readonly number[], cores: string): void {
  for (const pid of pids) execFileSync('taskset', ['-a', '-c', '-p', cores, String(pid)], { stdio: 'ignore' })
}

/** us, of all threads that have not ended. */
export function cpuMicros(pids: readonly number[]): number {
  let ns = 0
  for (const pid of pids)
    for (const thread of readdirSync(`/proc/${pid}/task`))
      ns += Number(textOf(`/proc/${pid}/task/${thread}/schedstat`).split(' ')[0])
  return ns / 1000
}

function parentOf(pid: number): number {
  const stat = textOf(`/proc/${pid}/stat`)
  // The name stands in brackets and may hold blanks.
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] ?? 0)
}

/** '' of what has ended meanwhile. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
