// Which core a process and all that it started run on: what is measured on the one, whoever measures on the
// other. Needs `taskset` (Debian: util-linux).

import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/** To `cores` (`0`, `0-1`): every thread of the process and its descendants; what they start later follows. */
export function pin(pid: number, cores: string): void {
  for (const one of [pid, ...descendants(pid)])
    execFileSync('taskset', ['-a', '-c', '-p', cores, String(one)], { stdio: 'ignore' })
}

function descendants(pid: number): readonly number[] {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    const child = Number(name)
    if (Number.isInteger(child)) parents.set(child, parentOf(child))
  }
  const isBelow = (child: number): boolean => {
    const parent = parents.get(child)
    return parent !== undefined && (parent === pid || isBelow(parent))
  }
  return [...parents.keys()].filter(isBelow)
}

/** 0 for a process that has ended meanwhile. */
function parentOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name stands in brackets and may hold blanks.
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
  } catch {
    return 0
  }
}
