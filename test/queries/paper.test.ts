// The queries of the paper and its case studies, as the library has them, on the demo: every row equal to what
// the demo itself counted, to the last one.

import assert from 'node:assert/strict'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { QueryResults, QueryView, ResultRow } from '#protocol'
import { LIBRARY } from '#query'
import { SLOW_DISK } from '../../demo/faults.ts'
import type { TruthReport } from '../../demo/truth.ts'
import { ROOT } from '../../scripts/toolchain.mjs'
import { Crosscut, until, type Program } from '../system/running.ts'

const SETTLED_MS_MAX = 40_000
const crosscut = new Crosscut()

before(() => crosscut.start())
after(() => crosscut.close())

/** The demo as it runs, with the URL of each process. */
class Shelf {
  readonly program: Program
  readonly urls: ReadonlyMap<string, string>

  private constructor(program: Program) {
    this.program = program
    const said = program.output().matchAll(/^process (\S+) (\S+)$/gm)
    this.urls = new Map([...said].map(([, name, url]) => [name, url]))
  }

  /** Nothing is done by itself; `processes` = how many answer queries. */
  static async start(...flags: string[]): Promise<Shelf> {
    const main = path.join(ROOT, 'demo', 'main.ts')
    return new Shelf(await crosscut.run([main, '--load', '0', ...flags], {}, /^shelf ready/m))
  }

  async run(requests: number): Promise<void> {
    const clients = [...this.urls].filter(([name]) => name.startsWith('client-'))
    await Promise.all(
      clients.map(async ([, url]) => {
        const answer = await fetch(`${url}/run?requests=${requests}`, { method: 'POST' })
        assert.equal(answer.status, 200, await answer.text())
      }),
    )
  }

  /** What the processes whose names begin so have counted. */
  async truth(prefix: string): Promise<TruthReport[]> {
    const urls = [...this.urls].filter(([name]) => name.startsWith(prefix)).map(([, url]) => url)
    return await Promise.all(
      urls.map(async (url) => (await (await fetch(`${url}/truth`)).json()) as TruthReport),
    )
  }
}

function textOf(id: string): string {
  const found = LIBRARY.find((one) => one.id === id)
  assert.ok(found, `the library has ${id}`)
  return found.text
}

const install = async (text: string, name?: string): Promise<QueryView> =>
  await crosscut.api<QueryView>('/queries', { method: 'POST', body: JSON.stringify({ text, name }) })

/** Asks all of them at once while the demo does so much; each until it has counted its total. */
async function ask(
  shelf: Shelf,
  requests: number,
  queries: Readonly<Record<string, string>>,
  totalOf: (id: string) => Promise<number>,
): Promise<Record<string, readonly ResultRow[]>> {
  const installed = Object.fromEntries(
    await Promise.all(Object.entries(queries).map(async ([id, text]) => [id, (await install(text, id)).id])),
  ) as Record<string, string>
  const results = async (id: string): Promise<QueryResults> =>
    await crosscut.api(`/queries/${installed[id]}/results`)
  for (const id of Object.keys(queries))
    await until(
      async () => (await results(id)).coverage.installed >= shelf.urls.size,
      () => `${id} is not in all processes`,
      SETTLED_MS_MAX,
    )
  await shelf.run(requests)
  const rows: Record<string, readonly ResultRow[]> = {}
  for (const id of Object.keys(queries)) {
    const wanted = await totalOf(id)
    let last = await results(id)
    await until(
      async () => (last = await results(id)).total >= wanted,
      () => `${id} has counted ${last.total} of ${wanted}`,
      SETTLED_MS_MAX,
    )
    const whole = { drops: { otherRows: 0, overflows: 0, lost: 0 }, sampled: [] }
    assert.deepEqual({ drops: last.drops, sampled: last.coverage.sampled }, whole, id)
    assert.equal(last.total, wanted, id)
    rows[id] = last.rows
  }
  await Promise.all(
    Object.values(installed).map((id) => crosscut.api(`/queries/${id}`, { method: 'DELETE' })),
  )
  return rows
}

/** `['a', 1]` of each row, in the order of the first. */
const pairs = (rows: readonly ResultRow[], ...columns: string[]): unknown[][] =>
  rows.map((row) => columns.map((column) => row[column])).sort((a, b) => (String(a) < String(b) ? -1 : 1))

const sumBy = <T>(items: readonly T[], keyOf: (item: T) => string, by: (item: T) => number): unknown[][] => {
  const sums = new Map<string, number>()
  for (const item of items) sums.set(keyOf(item), (sums.get(keyOf(item)) ?? 0) + by(item))
  return [...sums].sort(([a], [b]) => (a < b ? -1 : 1))
}

/** Of the requests that the run made, by their ids. */
const tallied = (reports: readonly TruthReport[], of: string): [rid: string, count: number][] =>
  reports.flatMap(({ tallies }) => Object.entries(tallies[of] ?? {}).filter(([rid]) => rid.includes('-run')))

const total = (entries: readonly (readonly [string, number])[]): number =>
  entries.reduce((sum, [, count]) => sum + count, 0)

describe('one tenant keeps the lock', () => {
  let shelf: Shelf
  let rows: Record<string, readonly ResultRow[]>
  before(async () => {
    shelf = await Shelf.start(
      '--datanodes',
      '3',
      '--fault',
      'lock-convoy',
      '--tenants',
      'web,photos;batch,crawler',
    )
    const ids = ['users', 'Q1', 'Q2', 'Q8', 'Q9', 'lock', 'lock-wait']
    const queries = Object.fromEntries(ids.map((id) => [id, textOf(id)]))
    const { Q8, ...others } = queries
    rows = await ask(shelf, 12, { Q8, ...others }, (id) => expected(id))
  })
  after(() => shelf.program.stop())

  const served = async (): Promise<TruthReport['recent'][number][]> =>
    (await shelf.truth('')).flatMap(({ recent }) =>
      recent.filter(({ rid, op }) => rid.includes('-run') && !op.startsWith('client.')),
    )
  /** Calls that a job has done when it is complete. */
  const callsOfJobs = async (): Promise<string[]> =>
    (await served())
      .filter(({ rid, op }) => rid.startsWith('batch-') && /^(namenode|datanode)\./.test(op))
      .map(({ rid }) => rid)
  const locks = async (): Promise<[op: string, rid: string, count: number][]> => {
    const [{ tallies }] = await shelf.truth('namenode')
    return Object.entries(tallies)
      .filter(([of]) => of.startsWith('lock.'))
      .flatMap(([of, byRid]) =>
        Object.entries(byRid).flatMap(([rid, count]): [string, string, number][] =>
          rid.includes('-run') ? [[of.slice('lock.'.length), rid, count]] : [],
        ),
      )
  }

  async function expected(id: string): Promise<number> {
    if (id === 'users') return total(tallied(await shelf.truth('namenode'), 'statements'))
    if (id === 'Q1' || id === 'Q2') return (await served()).filter(({ op }) => op === 'datanode.read').length
    if (id === 'Q8') return (await served()).length + 2
    if (id === 'Q9') return (await callsOfJobs()).length
    return (await locks()).reduce((sum, [, , count]) => sum + count, 0)
  }

  test('users: statements of the database by the user of the web', async () => {
    const statements = tallied(await shelf.truth('namenode'), 'statements')
    const userOf = (rid: string): string => `${rid.split('-')[0]}-${Number(rid.split('-').at(-1)) % 3}`
    assert.deepEqual(
      pairs(rows.users, 'user', 'COUNT'),
      sumBy(
        statements,
        ([rid]) => userOf(rid),
        ([, count]) => count,
      ),
    )
  })

  test('Q1: bytes that each datanode reads', async () => {
    const reports = await shelf.truth('datanode')
    const bytes = reports.flatMap((report) =>
      tallied([report], 'bytesRead').map(([, sum]) => [report.process, sum] as const),
    )
    assert.deepEqual(
      pairs(rows.Q1, 'incr.host', 'SUM(incr.delta)'),
      sumBy(
        bytes,
        ([name]) => name.slice('datanode-'.length),
        ([, sum]) => sum,
      ),
    )
  })

  test('Q2: the same by the process of the client that asked', async () => {
    const bytes = tallied(await shelf.truth('datanode'), 'bytesRead')
    const processOf = (rid: string): string =>
      ['web', 'photos'].includes(rid.split('-')[0]) ? 'client-web-photos' : 'client-batch-crawler'
    assert.deepEqual(
      pairs(rows.Q2, 'cl.procName', 'SUM(incr.delta)'),
      sumBy(
        bytes,
        ([rid]) => processOf(rid),
        ([, sum]) => sum,
      ),
    )
  })

  test('Q8: one latency for each request that was answered', () => {
    assert.ok(rows.Q8.every((row) => Number(row.ns) >= 0))
  })

  test('Q9: for each job as many as it made calls', async () => {
    assert.deepEqual(
      pairs(rows.Q9, 'job.id', 'COUNT'),
      sumBy(
        await callsOfJobs(),
        (rid) => rid,
        () => 1,
      ),
    )
  })

  test('the lock: each hold by operation and tenant; renames of the crawler are what keeps it', async () => {
    const held = pairs(rows.lock, 'hold.op', 'cl.tenant', 'COUNT').map(([op, tenant, count]) => [
      `${op} ${tenant}`,
      count,
    ])
    assert.deepEqual(
      held,
      sumBy(
        await locks(),
        ([op, rid]) => `${op} ${rid.split('-')[0]}`,
        ([, , count]) => count,
      ),
    )
    const longest = [...rows.lock].sort((a, b) => Number(b.heldMs) - Number(a.heldMs))[0]
    assert.deepEqual([longest['hold.op'], longest['cl.tenant']], ['rename', 'crawler'])
    const waits = sumBy(
      await locks(),
      ([, rid]) => rid.split('-')[0],
      ([, , count]) => count,
    )
    assert.deepEqual(pairs(rows['lock-wait'], 'cl.tenant', 'COUNT'), waits)
  })
})

describe('one disk is slow', () => {
  test('its host stands out, whoever reads', async () => {
    const shelf = await Shelf.start('--datanodes', '3', '--fault', 'slow-disk', '--tenants', 'photos')
    const read = async (): Promise<[string, number][]> =>
      (await shelf.truth('datanode')).map(({ process, recent }) => [
        process.slice('datanode-'.length),
        recent.filter(({ rid, op }) => op === 'datanode.read' && rid.includes('-run')).length,
      ])
    const { disk } = await ask(shelf, 40, { disk: textOf('disk') }, async () => total(await read()))
    assert.deepEqual(
      pairs(disk, 'read.host', 'COUNT'),
      (await read()).sort(([a], [b]) => (a < b ? -1 : 1)),
    )
    const limping = disk.filter((row) => Number(row.fastestMs) >= SLOW_DISK.ms - 1)
    assert.deepEqual(
      limping.map((row) => row['read.host']),
      [SLOW_DISK.host],
    )
    await shelf.program.stop()
  })
})

const HOSTS = ['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H']
const FILES = 56
const READS = FILES * 5

/** Replicas on three of eight hosts at random; a client takes its own host's, else the first of the order. */
function analyticShares(): Map<string, number> {
  const shares = new Map(HOSTS.map((host) => [host, 0]))
  const add = (host: string, by: number): void => void shares.set(host, (shares.get(host) ?? 0) + by)
  for (const client of HOSTS)
    for (let a = 0; a < 8; a++)
      for (let b = a + 1; b < 8; b++)
        for (let c = b + 1; c < 8; c++) {
          const set = [HOSTS[a], HOSTS[b], HOSTS[c]]
          add(set.includes(client) ? client : set[0], 100 / (8 * FILES))
        }
  return shares
}

describe('clients choose replicas', () => {
  const stress = ['--datanodes', '8', '--stress', '8', '--tenants', 'none']
  const reads = 8 * READS
  const shareOf = (rows: readonly ResultRow[]): Map<string, number> =>
    new Map(rows.map((row) => [String(row['dnop.host']), (Number(row.COUNT) / reads) * 100]))

  test('by a fixed order: Q3 to Q7 find it, and the shares are those of the analysis', async () => {
    const shelf = await Shelf.start(...stress, '--fault', 'replica-selection')
    const ids = ['Q3', 'Q4', 'Q5', 'Q6', 'Q7']
    const truth = async (): Promise<[host: string, rid: string][]> =>
      (await shelf.truth('datanode')).flatMap(({ process, recent }) =>
        recent
          .filter(({ rid, op }) => op === 'datanode.read' && rid.includes('-run'))
          .map(({ rid }): [string, string] => [process.slice('datanode-'.length), rid]),
      )
    const remote = async (): Promise<[host: string, rid: string][]> =>
      (await truth()).filter(([host, rid]) => rid.split('-')[1] !== host)
    const rows = await ask(shelf, READS, Object.fromEntries(ids.map((id) => [id, textOf(id)])), async (id) =>
      id === 'Q7' ? (await remote()).length : reads,
    )
    const served = await truth()
    assert.deepEqual(
      pairs(rows.Q3, 'dnop.host', 'COUNT'),
      sumBy(
        served,
        ([host]) => host,
        () => 1,
      ),
    )
    for (const [host, share] of analyticShares()) {
      const measured = shareOf(rows.Q3).get(host) ?? 0
      assert.ok(Math.abs(measured - share) <= 2, `${host}: ${measured} % of reads, ${share} % by analysis`)
    }
    // Each client reads each file as often: it is not the clients.
    assert.deepEqual([...new Set(rows.Q4.map(({ COUNT }) => COUNT))], [READS / FILES])
    assert.equal(rows.Q4.length, 8 * FILES)
    // Each host holds as many replicas as any other: it is not where they lie.
    const held = rows.Q5.flatMap((row) =>
      (row.replicas as string[][])[0].map((host) => [host, Number(row.COUNT)] as const),
    )
    assert.deepEqual(
      [
        ...new Set(
          sumBy(
            held,
            ([host]) => host,
            ([, count]) => count,
          ).map(([, sum]) => sum),
        ),
      ],
      [(reads * 3) / 8],
    )
    const by = pairs(rows.Q6, 'st.host', 'DNop.host', 'COUNT').map(([st, dn, count]) => [
      `${st} ${dn}`,
      count,
    ])
    assert.deepEqual(
      by,
      sumBy(
        served,
        ([host, rid]) => `${rid.split('-')[1]} ${host}`,
        () => 1,
      ),
    )
    // Of each set that is offered, whoever asks, the same host is taken: that is the bug.
    const chosen = Map.groupBy(rows.Q7, ({ replicas }) => String(replicas))
    assert.ok([...chosen.values()].every((taken) => taken.length === 1))
    await shelf.program.stop()
  })

  test('in no order: each host serves an eighth', async () => {
    const shelf = await Shelf.start(...stress)
    const { Q3 } = await ask(shelf, READS, { Q3: textOf('Q3') }, async () => reads)
    for (const [host, share] of shareOf(Q3)) assert.ok(Math.abs(share - 12.5) <= 2, `${host}: ${share} %`)
    await shelf.program.stop()
  })
})
