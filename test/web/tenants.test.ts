// The pages of tenants and resources in a real Chromium on a real server. The process that reports is a model
// of one (a queue whose wait grows with its load), so that a limit that is set in the page is seen to work.

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { chromium, type Browser, type Page } from 'playwright-core'
import type { PointView } from '#protocol'
import { startServer, type ServerHandle } from '#server'
import { ensureWebBuilt } from '../../scripts/web-build.ts'
import { memoryPipeline } from '../../service/server/memory-pipeline.fixture.ts'
import { CHROMIUM_ARGS, colourCount, mapped } from './browser.ts'

const dataDir = mkdtempSync(path.join(tmpdir(), 'crosscut-tenants-'))
const WAIT_MS_MAX = 30_000
const HOSTILE = '<img src=x onerror="window.__pwned=1">'

/** Requests a second that each would like to make, and what one takes of the disk, ms. */
const TENANTS = {
  web: { wish: 20, costMs: 4 },
  scans: { wish: 90, costMs: 9 },
  [HOSTILE]: { wish: 1, costMs: 1 },
} as const
const NAMES = Object.keys(TENANTS)

let server: ServerHandle
let browser: Browser
let page: Page
let reports: NodeJS.Timeout
const complaints: string[] = []

before(async () => {
  await ensureWebBuilt()
  server = await startServer({ dataDir, port: 0, otlpPort: 0 }, {}, memoryPipeline([]).parts)
  await sayHello()
  const model = new ModelProcess()
  reports = setInterval(() => void model.report().catch(() => undefined), 250)
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: CHROMIUM_ARGS })
  const context = await browser.newContext({ viewport: { width: 1440, height: 1000 } })
  page = await context.newPage()
  page.setDefaultTimeout(WAIT_MS_MAX)
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
  const { url } = await ask<{ url: string }>('POST', '/api/v1/login-links', server.adminToken, {})
  await page.goto(url)
})
after(async () => {
  clearInterval(reports)
  await browser?.close()
  await server.close()
  rmSync(dataDir, { recursive: true, force: true })
})

async function ask<T>(method: string, place: string, token: string, body?: unknown): Promise<T> {
  const answer = await fetch(server.url + place, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  assert.ok(answer.ok, `${method} ${place} answered ${answer.status}: ${text}`)
  return JSON.parse(text) as T
}

const AGENT = { agent: 'abcdef0123456789', service: 'shelf', pid: 1, host: 'A', nodeVersion: '24' }
const sayHello = () =>
  ask('POST', '/agent/v1/hello', server.agentToken, {
    ...AGENT,
    agentVersion: '0',
    startedMs: 0,
    resource: {},
    tracepoints: [],
  })

/** One disk before which requests queue: an M/M/1 queue that is never quite full. */
class ModelProcess {
  #seq = 0
  #atMs = performance.now()
  #totals = NAMES.map(() => ({ passed: 0, waitMs: 0, serviceMs: 0, latencyMs: 0 }))

  async report(): Promise<void> {
    const { points } = await ask<{ points: PointView[] }>('GET', '/api/v1/points', server.adminToken)
    const nowMs = performance.now()
    const seconds = (nowMs - this.#atMs) / 1000
    this.#atMs = nowMs
    const wanted = Object.entries(TENANTS).map(([tenant, { wish, costMs }]) => {
      const limit = points.find((one) => one.point === 'door' && one.tenant === tenant)?.rate ?? Infinity
      return { perSecond: Math.min(wish, limit), costMs }
    })
    const used = Math.min(
      0.97,
      wanted.reduce((sum, one) => sum + (one.perSecond * one.costMs) / 1000, 0),
    )
    const waitMs = (used / (1 - used)) * 9
    for (const [i, { perSecond, costMs }] of wanted.entries()) {
      const total = this.#totals[i]
      if (total === undefined) continue
      total.passed += perSecond * seconds
      total.waitMs += perSecond * seconds * waitMs
      total.serviceMs += perSecond * seconds * costMs
      total.latencyMs += perSecond * seconds * (waitMs + costMs + 1)
    }
    const column = (member: 'passed' | 'waitMs' | 'serviceMs' | 'latencyMs') =>
      this.#totals.map((total) => total[member])
    const service = column('serviceMs')
    await ask('POST', '/agent/v1/report', server.agentToken, {
      agent: AGENT.agent,
      epoch: 'e',
      seq: ++this.#seq,
      timeMs: Date.now(),
      stateVersion: 1,
      packages: [],
      measured: {
        epoch: 1,
        atMs: nowMs,
        workflows: NAMES,
        resources: [
          { name: 'disk', kind: 'disk', load: service, waitMs: column('waitMs'), serviceMs: service },
        ],
        points: [{ name: 'door', passed: column('passed') }],
        requests: { finished: column('passed'), latencyMs: column('latencyMs') },
      },
      spans: { emitted: 0, sent: 0, dropped: 0, queued: 0 },
      drops: {},
      budget: { adviceNs: 0, adviceRuns: 0, isTripped: false },
      eventLoopDelayMsP99: 0,
      rssBytes: 0,
    })
  }
}

const row = (tenant: string) => page.locator(`.tenant-rows tr[data-tenant="${tenant}"]`)
const policy = (name: string) => page.locator(`.policy[data-policy="${name}"]`)

test('resources stand by slowdown, with whose load they are, also as a matrix', async () => {
  await page.goto(`${server.url}/resources`)
  await page.locator('.resource-rows tr[data-resource^="disk@"] .warn-mark').waitFor()
  assert.match(
    String(await page.locator('.resource-rows').textContent()),
    /disk.*shelf.*scans 9\d%, web \d+%/,
  )
  const matrix = page.getByRole('table', { name: 'Load of each tenant on each resource' })
  assert.match(String(await matrix.textContent()), /scans.*web.*disk of shelf.*9\d%/)
  assert.equal(await page.evaluate('window.__pwned'), undefined)
})

test('who waits, for whom, and what a policy would do about it: a dry run holds nobody', async () => {
  await page.goto(`${server.url}/tenants`)
  await row('web').waitFor()
  const blame = page.getByRole('table', { name: 'Who makes whom slow' })
  await blame
    .locator('td[title^="9"][title*="of what web waits is for scans, mostly at disk of shelf"]')
    .waitFor()

  await page.getByRole('textbox', { name: 'Targets' }).fill('web=ten')
  await page.getByRole('button', { name: 'Dry run' }).click()
  await page.getByText('Targets read TENANT=200ms').waitFor()
  await page.getByRole('textbox', { name: 'Targets' }).fill('web=40ms')
  await page.getByRole('button', { name: 'Dry run' }).click()
  await policy('slo').getByText('dry run', { exact: true }).waitFor()
  await policy('slo')
    .getByText(/would hold scans at door: /)
    .waitFor()
  const decision = page.locator('.decision.cut').first()
  await decision.waitFor()
  const said = String(await decision.textContent())
  assert.match(said, /scans would be cut .*door no limit → .*web takes [\d.]+ times its target/)
  assert.match(said, /disk of shelf is [\d.]+ times slower, 9\d% of it is scans/)
  await row('web').locator('.error-mark').waitFor()
  assert.match(String(await row('scans').locator('.limit').textContent()), /none/)
})

test('run from the page it restores who suffers; removed, everybody goes on', async () => {
  await policy('slo').getByRole('button', { name: 'Run it' }).click()
  await policy('slo').getByText('runs', { exact: true }).waitFor()
  await row('scans').locator('.limit .held').waitFor()
  await page.getByText('the target is met').waitFor()
  await page
    .locator('.strips tr', { hasText: 'scans' })
    .locator('rect')
    .first()
    .waitFor({ state: 'attached' })
  await page.locator('.tenants-past .legend', { hasText: 'target of web' }).waitFor()
  assert.ok((await colourCount(page, '.tenants-past canvas')) > 3)

  await policy('slo').getByRole('button', { name: 'Remove' }).click()
  await page.getByText('None runs: nobody is held.').waitFor()
  await page.locator('.decision.released', { hasText: 'the policy was removed' }).first().waitFor()
  await row('scans').locator('.limit', { hasText: 'none' }).waitFor()
  await page.getByText('no target is set').waitFor()
})

test('a tenant leads to its decisions, and the place is in the address', async () => {
  await row('web').getByRole('button').click()
  assert.match(page.url(), /\/tenants\?at=web$/)
  await page.getByText('No policy has held anybody so far.').waitFor()
  await page.keyboard.press('Escape')
  await page.locator('.decision').first().waitFor()
  const names = await mapped(page, '.tenant-rows tbody tr', 'row.dataset.tenant')
  assert.deepEqual(names.toSorted(), NAMES.toSorted())
  await page.keyboard.press('g')
  await page.keyboard.press('r')
  await page.getByRole('heading', { name: 'Resources' }).waitFor()
  assert.deepEqual(complaints, [])
})
