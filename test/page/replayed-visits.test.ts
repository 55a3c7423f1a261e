// Canopy's case studies 2 and 3 (5.4) on visits with given times, through the whole server: ingest, model,
// features, datasets, comparison. What case-studies.test.ts shows with real browsers and clients, this
// decides to the ms on any machine.

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import { Crosscut, until } from '../system/running.ts'
import { ask, defineDatasets, differing } from './case-datasets.ts'
import { CABLE_MS, requestOf, SUGGESTING_MS, type Fault } from './replayed-visits.ts'

const COUNTRIES = ['DE', 'BR', 'IN'] as const
const VISITS = 18
const ROWS_MS_MAX = 60_000
const crosscut = new Crosscut()

before(async () => {
  await crosscut.start()
  await defineDatasets(crosscut)
  await release('1')
  await release('2', 'cable-cut')
  await release('3', 'causal-order')
  let count: unknown
  await until(
    async () => {
      count = (await ask(crosscut, 'pages', { select: ['count'] }))[0]?.['count']
      return count === 3 * VISITS
    },
    () => `${String(count)} rows of ${3 * VISITS} visits`,
    ROWS_MS_MAX,
  )
})
after(() => crosscut.close())

async function release(name: string, fault?: Fault): Promise<void> {
  for (let index = 0; index < VISITS; index++) {
    const visit = {
      index,
      release: name,
      country: COUNTRIES[index % COUNTRIES.length] ?? 'DE',
      experiment: Math.floor(index / COUNTRIES.length) % 2 === 0 ? ('together' as const) : ('none' as const),
      ...(fault === undefined ? {} : { fault }),
    }
    const traceId = randomBytes(16).toString('hex')
    const answer = await fetch(`${crosscut.otlpUrl}/v1/traces`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(requestOf(visit, traceId, Date.now() - 5_000)),
    })
    assert.deepEqual([answer.status, await answer.json()], [200, {}])
  }
}

test('parts of the path to the display make the whole, and nothing of the model had to be repaired', async () => {
  const rows = await ask(crosscut, 'pages', {
    select: ['display_ms', 'server_ms', 'network_ms', 'resource_ms', 'browser_ms'],
    limit: 3 * VISITS,
  })
  assert.equal(rows.length, 3 * VISITS)
  for (const row of rows) {
    const parts = ['server_ms', 'network_ms', 'resource_ms', 'browser_ms'].map((name) =>
      Number(row[name] ?? 0),
    )
    const sum = parts.reduce((all, part) => all + part, 0)
    assert.ok(Math.abs(sum - Number(row['display_ms'])) < 0.001, JSON.stringify(row))
  }
  const repaired = await ask(crosscut, 'model-repairs', { select: ['count'] })
  assert.deepEqual(repaired, [{ count: 0 }])
})

test('case 3: the page is slower in one country only, and it is the line that its visitors wait for', async () => {
  const found = await ask(crosscut, 'pages', {
    select: ['count', 'p50(display_ms) as display', 'p50(resource_ms) as resources'],
    groupBy: ['release', 'country'],
    where: "release in ('1', '2')",
  })
  const of = (name: string, country: string, what: string): number =>
    Number(found.find((row) => row['release'] === name && row['country'] === country)?.[what])
  for (const country of COUNTRIES) {
    assert.deepEqual([of('1', country, 'count'), of('2', country, 'count')], [VISITS / 3, VISITS / 3])
    const slower = country === 'IN' ? CABLE_MS : 0
    const said = `${country} ${JSON.stringify(found)}`
    assert.ok(Math.abs(of('2', country, 'resources') - of('1', country, 'resources') - slower) < 1, said)
    assert.ok(of('2', country, 'display') - of('1', country, 'display') >= slower, said)
    if (slower === 0) assert.equal(of('2', country, 'display'), of('1', country, 'display'), said)
  }
  const differs = await differing(
    crosscut,
    "release = '2' and country = 'IN'",
    "release = '2' and country != 'IN'",
  )
  assert.ok(differs.includes('country') && differs.includes('resource_ms'), differs.join(', '))
  assert.ok(!differs.includes('server_ms') && !differs.includes('css_bytes'), differs.join(', '))
  assert.deepEqual(
    await differing(crosscut, "release = '1' and country = 'IN'", "release = '1' and country != 'IN'"),
    ['country'],
  )
})

test('case 2: what nobody sees yet is on the path to the top: in the page of some, on the server for others', async () => {
  const found = await ask(crosscut, 'suggestions', {
    select: ['count', 'min(critical_ms) as least'],
    groupBy: ['release', 'experiment', 'service', 'name', 'below'],
  })
  const said = JSON.stringify(found)
  assert.deepEqual([...new Set(found.map((row) => row['release']))], ['3'], said)
  const of = (experiment: string, service: string, name: string, below: string) =>
    found.find(
      (row) =>
        row['experiment'] === experiment &&
        row['service'] === service &&
        row['name'] === name &&
        row['below'] === below,
    )
  const half = VISITS / 2
  assert.equal(of('together', 'browser', 'piece Suggestions', 'page /page')?.['count'], half, said)
  assert.equal(of('none', 'browser', 'piece Suggestions', 'page /page'), undefined, said)
  assert.equal(of('together', 'gateway', 'AwaitSuggestions', 'phase top'), undefined, said)
  const onServer = of('none', 'gateway', 'AwaitSuggestions', 'phase top')
  assert.equal(onServer?.['count'], half, said)
  const shown = await ask(crosscut, 'pages', {
    select: ['min(display_ms) as least', 'max(display_ms) as most'],
    groupBy: ['release'],
    where: "release in ('1', '3')",
    orderBy: ['release'],
  })
  const [before, late] = shown
  assert.ok(Number(before?.['most']) < SUGGESTING_MS, JSON.stringify(shown))
  assert.ok(Number(late?.['least']) > SUGGESTING_MS, JSON.stringify(shown))
})
