// Makes it so: from the packages a believed state names to the advice that is woven, and what it has counted.
//
// One function of the state, not a history of commands: a process that starts late, or missed three states,
// ends up the same. A package that stays as it is keeps its results; one that is refused leaves the others
// alone and is reported with its reason.

import {
  compilePackage,
  GroupTable,
  parsePackage,
  PROCESS_LIMITS,
  TupleOwners,
  verifyPackage,
  type CompiledAdvice,
} from '#advice'
import type { PackageStatus, ResultReport, ToolPackage } from '#protocol'
import { RESULTS_BYTES_MAX } from './limits.ts'

/**
 * Packages of one state: far more than anybody runs, and 256 x 32 advices is what a Map holds without
 * noticing.
 */
const PACKAGES_MAX = 256
/**
 * Reports that repeat a result after it last changed, and every how many one is repeated anyway: totals that
 * the network lost arrive again.
 */
const REPEATS = 5
const REPEAT_EVERY = 30

const POOLED_IDS = 512

type Installed = {
  readonly status: PackageStatus
  readonly advice: readonly CompiledAdvice[]
  readonly tables: ReadonlyMap<string, GroupTable>
  /** As the newest state says. */
  release: number
  overflows: number
  /** As last seen by a report, how often it was told so, and the last report that did. */
  seen: number
  told: number
  toldAt: number
}

/** Owned by one agent. */
export class Toolbox {
  readonly #owners = new TupleOwners()
  readonly #fill: (bytes: Uint8Array) => void
  #installed = new Map<string, Installed>()
  #pool = new Uint8Array(0)
  #pooledAt = 0
  #reports = 0

  constructor(fill: (bytes: Uint8Array) => void) {
    this.#fill = fill
  }

  /** Replaces all that is installed. */
  become(packages: readonly unknown[]): readonly CompiledAdvice[] {
    const before = this.#installed
    this.#installed = new Map()
    for (const json of packages.slice(0, PACKAGES_MAX)) {
      const installed = this.#install(json)
      const { name, version } = installed.status
      const held = before.get(name)
      const isSame = held?.status.version === version && held.status.error === undefined
      if (isSame) held.release = installed.release
      this.#installed.set(name, isSame ? held : installed)
    }
    return [...this.#installed.values()].flatMap(({ advice }) => advice)
  }

  get statuses(): readonly PackageStatus[] {
    return [...this.#installed.values()].map(({ status }) => status)
  }

  releaseOf(tool: string): number {
    return this.#installed.get(tool)?.release ?? 0
  }

  /** Tuples or rows of this tool's advice had no room. */
  overflowed(tool: string): void {
    const installed = this.#installed.get(tool)
    if (installed !== undefined) installed.overflows += 1
  }

  /** What results take, as JSON. */
  get heldBytes(): number {
    return [...this.#installed.values()].reduce((sum, one) => sum + bytesOf(one), 0)
  }

  /** Lets go of the largest results; gives the tool that had them. */
  releaseLargest(): string {
    const [largest] = [...this.#installed.values()].toSorted((a, b) => bytesOf(b) - bytesOf(a))
    for (const table of largest.tables.values()) table.release()
    return largest.status.name
  }

  /**
   * Totals that changed, or that may have been lost on the way; as many as a report has room for, those that
   * waited longest first.
   */
  results(): readonly ResultReport[] {
    this.#reports += 1
    const due = [...this.#installed.values()].filter((one) => isDue(one, this.#reports))
    const waited = due.toSorted((a, b) => a.toldAt - b.toldAt)
    let room = RESULTS_BYTES_MAX
    const told = waited.filter((one, i) => {
      room -= bytesOf(one)
      return i === 0 || room >= 0
    })
    for (const one of told) {
      one.told += 1
      one.toldAt = this.#reports
    }
    return told.flatMap(snapshotsOf)
  }

  #install(json: unknown): Installed {
    const counts = { release: 0, overflows: 0, seen: -1, told: 0, toldAt: 0 }
    try {
      const tool = parsePackage(json)
      counts.release = tool.release ?? 0
      const tables = tablesOf(tool)
      const advice = compilePackage(verifyPackage(tool), {
        owners: this.#owners,
        fresh: () => this.#fresh(),
        random: Math.random,
        results: (name) => tables.get(name) ?? new GroupTable([]),
      })
      return { advice, tables, status: { name: tool.name, version: tool.version }, ...counts }
    } catch (error: unknown) {
      return { advice: [], tables: new Map(), status: { ...nameOf(json), error: describe(error) }, ...counts }
    }
  }

  /** Eight random bytes, drawn from the system for POOLED_IDS at a time. */
  #fresh(): Uint8Array {
    if (this.#pooledAt >= this.#pool.length) {
      this.#pool = new Uint8Array(8 * POOLED_IDS)
      this.#fill(this.#pool)
      this.#pooledAt = 0
    }
    this.#pooledAt += 8
    return this.#pool.subarray(this.#pooledAt - 8, this.#pooledAt)
  }
}

const bytesOf = ({ tables }: Installed): number =>
  [...tables.values()].reduce((sum, { bytes }) => sum + bytes, 0)

/** Is there news, or has it been long? */
function isDue(one: Installed, report: number): boolean {
  const hits = [...one.tables.values()].reduce((sum, table) => sum + table.hits, one.overflows)
  if (hits !== one.seen) one.told = 0
  one.seen = hits
  return one.tables.size > 0 && (one.told <= REPEATS || report - one.toldAt >= REPEAT_EVERY)
}

function snapshotsOf({ status, tables, overflows }: Installed): ResultReport[] {
  const { name: tool, version } = status
  return [...tables].map(([result, table]) => {
    const told = table.snapshot()
    table.turn()
    return { tool, version, result, overflows, ...told }
  })
}

function tablesOf({ advice }: ToolPackage): ReadonlyMap<string, GroupTable> {
  const tables = new Map<string, GroupTable>()
  for (const { instructions } of advice)
    for (const instruction of instructions)
      if (instruction.op === 'emit' && !tables.has(instruction.result))
        tables.set(
          instruction.result,
          new GroupTable(
            instruction.folds.map(({ fn }) => fn),
            { ...PROCESS_LIMITS, turns: instruction.forgetAfter },
          ),
        )
  return tables
}

function nameOf(json: unknown): { name: string; version: number } {
  const held = Object(json)
  return {
    name: String(held.name ?? '?').slice(0, 128),
    version: Number.isSafeInteger(held.version) ? held.version : 0,
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return 'E_UNKNOWN'
  return 'code' in error
    ? `${String(error.code)} ${error.message}`.slice(0, 300)
    : error.message.slice(0, 300)
}
