// Flags of a Node process that runs what others wrote: it reads what is named here and nothing else, writes
// nothing and starts no program (Node's permission model). For mistakes, and for code that is trusted less
// than the server; not a wall against an attacker who has days.

/** `readable`: files, or folders as `/folder/*`. */
export function confined(readable: readonly string[]): string[] {
  const flags = ['--permission', '--allow-worker', '--disable-warning=SecurityWarning']
  return [...flags, ...readable.map((place) => `--allow-fs-read=${place}`)]
}
