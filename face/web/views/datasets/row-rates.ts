// Rows a second from totals that were read one after the other.

export type Sample = { readonly atMs: number; readonly rows: ReadonlyMap<string, number> }

/** Between the first and the last sample; one that fell (the server began anew) has no rate yet. */
export function rates(samples: readonly Sample[]): ReadonlyMap<string, number> {
  const out = new Map<string, number>()
  const last = samples.at(-1)
  if (last === undefined) return out
  for (const [name, rows] of last.rows) {
    const first = samples.find((sample) => sample.rows.has(name))
    const before = first?.rows.get(name)
    if (first === undefined || before === undefined || first === last || rows < before) continue
    out.set(name, (rows - before) / ((last.atMs - first.atMs) / 1000))
  }
  return out
}
