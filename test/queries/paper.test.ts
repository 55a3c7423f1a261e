// The queries of the paper and its case studies, as the library has them, on the demo: every row equal to
// what the demo itself counted, to the last one.

import assert from 'node:assert/strict'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { QueryResults, QueryView, ResultRow } from '#protocol'
import { LIBRARY } from '#query'
import { SLOW_DISK } from '../../demo/faults.ts'
import type { TruthReport } from '../../demo/truth.ts'
import { ROOT } from '../../scripts/toolchain.mjs'
import { Crosscut, ended, until, type Program } from '../system/running.ts'

const CLI = path.join(ROOT, 'face', 'cli', 'main.ts')
const SETTLED_MS_MAX = 60_000
const QUIET_MS = 4_000
/** Exact counts on a machine that is busy with other tests: nothing shall be sampled. */
const ENV = { CROSSCUT_BUDGET: '0.9' }
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
    return new Shelf(await crosscut.run([main, '--load', '0', ...flags], ENV, /^shelf ready/m))
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

type Asked = Readonly<Record<string, { readonly rows: readonly ResultRow[]; readonly total: number }>>

/** Asks all of them at once while the demo does so much, until nothing more comes. */
async function ask(shelf: Shelf, requests: number, ids: readonly string[]): Promise<Asked> {
  const installed: [id: string, query: string][] = []
  for (const id of ids) installed.push([id, (await install(textOf(id), id)).id])
  const results = async (query: string): Promise<QueryResults> =>
    await crosscut.api(`/queries/${query}/results`)
  for (const [id, query] of installed)
    await until(
      async () => (await results(query)).coverage.installed >= shelf.urls.size,
      () => `${id} is not in all processes`,
      SETTLED_MS_MAX,
    )
  try {
    await shelf.run(requests)
    const asked = installed.map(async ([id, query]) => {
      const { rows, total, drops, coverage } = await settled(() => results(query))
      const whole = { drops: { otherRows: 0, overflows: 0, lost: 0 }, sampled: [] }
      assert.deepEqual({ drops, sampled: coverage.sampled }, whole, id)
      return [id, { rows, total }] as const
    })
    return Object.fromEntries(await Promise.all(asked))
  } finally {
    await Promise.all(installed.map(([, query]) => crosscut.api(`/queries/${query}`, { method: 'DELETE' })))
  }
}

/** Processes report each second: what has not changed for some is all. */
async function settled(results: () => Promise<QueryResults>): Promise<QueryResults> {
  let last = await results()
  let sinceMs = performance.now()
  await until(
    async () => {
      const now = await results()
      if (now.total !== last.total || now.total === 0) sinceMs = performance.now()
      last = now
      return performance.now() - sinceMs >= QUIET_MS
    },
    () => `${last.total} were counted, and it goes on`,
    SETTLED_MS_MAX,
  )
  return last
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

describe('one tenant keeps the lock', () => {
  let shelf: Shelf
  let asked: Asked
  before(async () => {
    const flags = ['--datanodes', '3', '--fault', 'lock-convoy', '--tenants', 'web,photos;batch,crawler']
    shelf = await Shelf.start(...flags)
    asked = await ask(shelf, 12, ['users', 'Q1', 'Q2', 'Q8', 'Q9', 'lock', 'lock-wait'])
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

  test('users: statements of the database by the user of the web', async () => {
    const statements = tallied(await shelf.truth('namenode'), 'statements')
    const userOf = (rid: string): string => `${rid.split('-')[0]}-${Number(rid.split('-').at(-1)) % 3}`
    assert.deepEqual(
      pairs(asked.users.rows, 'user', 'COUNT'),
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
      pairs(asked.Q1.rows, 'incr.host', 'SUM(incr.delta)'),
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
      pairs(asked.Q2.rows, 'cl.procName', 'SUM(incr.delta)'),
      sumBy(
        bytes,
        ([rid]) => processOf(rid),
        ([, sum]) => sum,
      ),
    )
  })

  test('Q8: one latency for each request that was answered, the two that began the run among them', async () => {
    assert.equal(asked.Q8.total, (await served()).length + 2)
    assert.ok(asked.Q8.rows.every((row) => Number(row.ns) >= 0))
  })

  test('Q9: for each job as many as it made calls', async () => {
    assert.deepEqual(
      pairs(asked.Q9.rows, 'job.id', 'COUNT'),
      sumBy(
        await callsOfJobs(),
        (rid) => rid,
        () => 1,
      ),
    )
  })

  test('the lock: each hold by operation and tenant; renames of the crawler are what keeps it', async () => {
    const held = pairs(asked.lock.rows, 'hold.op', 'cl.tenant', 'COUNT').map(([op, tenant, count]) => [
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
    const longest = [...asked.lock.rows].sort((a, b) => Number(b.heldMs) - Number(a.heldMs))[0]
    assert.deepEqual([longest['hold.op'], longest['cl.tenant']], ['rename', 'crawler'])
    const waits = sumBy(
      await locks(),
      ([, rid]) => rid.split('-')[0],
      ([, , count]) => count,
    )
    assert.deepEqual(pairs(asked['lock-wait'].rows, 'cl.tenant', 'COUNT'), waits)
  })

  // Last: it sends requests, which what was asked above has not counted.
  test('Q9 by its name at the command line: its view comes and goes with it', async () => {
    const before = new Set(await callsOfJobs())
    const cli = await crosscut.plain([CLI, 'query', 'q9', '--json'], {}, /^\{/m)
    const installed = async (): Promise<readonly QueryView[]> =>
      (await crosscut.api<{ queries: readonly QueryView[] }>('/queries')).queries
    await until(
      async () => {
        const all = await installed()
        return all.length === 2 && all.every(({ coverage }) => coverage.installed >= shelf.urls.size)
      },
      () => 'Q9 and Q8 are not in all processes',
      SETTLED_MS_MAX,
    )
    const id = (await installed()).find(({ name }) => name === undefined)?.id ?? ''
    await shelf.run(4)
    await settled(() => crosscut.api<QueryResults>(`/queries/${id}/results`))
    const gone = ended(cli.child)
    cli.child.kill('SIGINT')
    await gone
    const last = JSON.parse(cli.output().trim().split('\n').at(-1) ?? '') as QueryResults
    const fresh = (await callsOfJobs()).filter((rid) => !before.has(rid))
    assert.ok(fresh.length > 0)
    assert.deepEqual(
      pairs(last.rows, 'job.id', 'COUNT'),
      sumBy(
        fresh,
        (rid) => rid,
        () => 1,
      ),
    )
    assert.deepEqual(await installed(), [])
  })
})

describe('one disk is slow', () => {
  test('its host stands out, whoever reads', async () => {
    const shelf = await Shelf.start('--datanodes', '3', '--fault', 'slow-disk', '--tenants', 'photos')
    const { disk } = await ask(shelf, 40, ['disk'])
    const reads = (await shelf.truth('datanode')).map(({ process, recent }) => [
      process.slice('datanode-'.length),
      recent.filter(({ rid, op }) => op === 'datanode.read' && rid.includes('-run')).length,
    ])
    assert.deepEqual(
      pairs(disk.rows, 'read.host', 'COUNT'),
      reads.sort(([a], [b]) => (a < b ? -1 : 1)),
    )
    const limping = disk.rows.filter((row) => Number(row.fastestMs) >= SLOW_DISK.ms - 1)
    assert.deepEqual(
      limping.map((row) => row['read.host']),
      [SLOW_DISK.host],
    )
    await shelf.program.stop()
  })
})

const HOSTS = ['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H']
const FILES = 56
const READS = FILES * 4

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
    const { Q3, Q4, Q5, Q6, Q7 } = await ask(shelf, READS, ['Q3', 'Q4', 'Q5', 'Q6', 'Q7'])
    const served = (await shelf.truth('datanode')).flatMap(({ process, recent }) =>
      recent
        .filter(({ rid, op }) => op === 'datanode.read' && rid.includes('-run'))
        .map(({ rid }): [host: string, client: string] => [
          process.slice('datanode-'.length),
          rid.split('-')[1],
        ]),
    )
    assert.equal(served.length, reads)
    assert.deepEqual(
      pairs(Q3.rows, 'dnop.host', 'COUNT'),
      sumBy(
        served,
        ([host]) => host,
        () => 1,
      ),
    )
    for (const [host, share] of analyticShares()) {
      const measured = shareOf(Q3.rows).get(host) ?? 0
      assert.ok(Math.abs(measured - share) <= 2, `${host}: ${measured} % of reads, ${share} % by analysis`)
    }
    // Each client reads each file as often: it is not the clients.
    assert.deepEqual([...new Set(Q4.rows.map(({ COUNT }) => COUNT))], [READS / FILES])
    assert.equal(Q4.rows.length, 8 * FILES)
    // Each host holds as many replicas as any other: it is not where they lie.
    const held = Q5.rows.flatMap((row) =>
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
    const by = pairs(Q6.rows, 'st.host', 'DNop.host', 'COUNT').map(([st, dn, count]) => [
      `${st} ${dn}`,
      count,
    ])
    assert.deepEqual(
      by,
      sumBy(
        served,
        ([host, client]) => `${client} ${host}`,
        () => 1,
      ),
    )
    assert.equal(Q7.total, served.filter(([host, client]) => host !== client).length)
    // Of each set that is offered, whoever asks, the same host is taken: that is the bug.
    const chosen = Map.groupBy(Q7.rows, ({ replicas }) => String(replicas))
    assert.ok([...chosen.values()].every((taken) => taken.length === 1))
    await shelf.program.stop()
  })

  test('in no order: each host serves an eighth', async () => {
    const shelf = await Shelf.start(...stress)
    const { Q3 } = await ask(shelf, READS, ['Q3'])
    assert.equal(Q3.total, reads)
    for (const [host, share] of shareOf(Q3.rows))
      assert.ok(Math.abs(share - 12.5) <= 2, `${host}: ${share} %`)
    await shelf.program.stop()
  })
})
