// Is a part of a table on disk what the engine believes it wrote? Asked of every new part, before its insert
// is answered and before the parts that a merge read are gone.
//
// Why: the engine takes a write that fails for one that succeeded. On a disk that fills up (or a quota, or a
// failing device) it ends a part with files that are cut short or empty, answers the insert, and a merge
// replaces good parts by such a one (measured, chDB 3.4.0: 1 of 1 inserts with an injected ENOSPC, 4 of 4
// merges on a full tmpfs). Every failed write leaves its file shorter than the part's checksums say, and
// CHECK TABLE notices that.
//
//   new part of an insert   not whole -> dropped, its token with it; the insert fails and is tried again
//   new part of a merge     not whole -> the child must end without a goodbye: the engine deletes what a
//                           merge has read after 8 minutes or at a graceful end; killed before that, it finds
//                           the short part at its next start, sets it aside and uses those it was made from
//
// Cost: about 10 ms of CPU for a part of 50,000 spans. Owner: chdb-child.ts. Parts that were there at the
// start need no check: the engine compares sizes when it loads them.

/** Runs one statement and gives its rows. Errors: with `Code: N.` in the message. */
export type Run = (sql: string) => Promise<readonly { readonly [column: string]: unknown }[]>

/** A merge may replace what was just listed; after so many lists the next pass goes on. */
const ROUNDS_MAX = 20

export class PartCheck {
  readonly #whole = new Set<string>()
  #turn: Promise<unknown> = Promise.resolve()
  #dropped = 0

  /** How many parts of inserts were dropped so far; an insert during which it grew must be tried again. */
  get dropped(): number {
    return this.#dropped
  }

  /** Takes the parts that the engine has loaded as they are. */
  async begin(run: Run): Promise<void> {
    for (const { key } of await activeParts(run)) this.#whole.add(key)
  }

  /** One pass at a time. false = a merge went wrong, and the child has to be killed. */
  isWhole(run: Run): Promise<boolean> {
    const pass = this.#turn.then(() => this.#pass(run))
    this.#turn = pass.catch(() => undefined)
    return pass
  }

  async #pass(run: Run): Promise<boolean> {
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const parts = await activeParts(run)
      const names = new Set(parts.map(({ key }) => key))
      for (const key of this.#whole) if (!names.has(key)) this.#whole.delete(key)
      const fresh = parts.filter(({ key }) => !this.#whole.has(key))
      if (fresh.length === 0) return true
      for (const part of fresh) if (!(await this.#look(run, part))) return false
    }
    return true
  }

  async #look(run: Run, part: Part): Promise<boolean> {
    const verdict = await check(run, part)
    if (verdict === 'whole') this.#whole.add(part.key)
    if (verdict !== 'short') return true
    if (part.isMerged) return false
    await run(`ALTER TABLE ${part.table} DROP PART '${part.name}'`).catch(unlessGone)
    this.#dropped++
    return true
  }
}

type Part = {
  readonly key: string
  readonly table: string
  readonly name: string
  readonly isMerged: boolean
}

/** Names of tables and parts come from the engine: letters, digits and underscores. */
async function activeParts(run: Run): Promise<Part[]> {
  const rows = await run(
    'SELECT table, name, level FROM system.parts WHERE active AND database = currentDatabase()',
  )
  return rows.map(({ table, name, level }) => ({
    key: `${String(table)}/${String(name)}`,
    table: String(table),
    name: String(name),
    isMerged: Number(level) > 0,
  }))
}

async function check(run: Run, { table, name }: Part): Promise<'whole' | 'short' | 'gone'> {
  try {
    const [row] = await run(
      `CHECK TABLE ${table} PART '${name}' SETTINGS check_query_single_value_result = 0`,
    )
    return row === undefined ? 'gone' : Number(row['is_passed']) === 1 ? 'whole' : 'short'
  } catch (error: unknown) {
    unlessGone(error)
    return 'gone'
  }
}

/** 232 NO_SUCH_DATA_PART: merged or dropped since it was listed; 60 UNKNOWN_TABLE. */
function unlessGone(error: unknown): void {
  if (!(error instanceof Error) || !/Code: (232|60)\b/.test(error.message)) throw error
}
