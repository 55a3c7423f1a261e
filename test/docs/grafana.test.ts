// The guide to Grafana: its data sources point at routes that there are, and its requests are answered.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { routeTable } from '#server'
import { ROOT } from '../../scripts/toolchain.mjs'
import { Crosscut } from '../system/running.ts'

const PAGE = readFileSync(path.join(ROOT, 'docs', 'guides', 'grafana.md'), 'utf8')
const crosscut = new Crosscut()
before(() => crosscut.start())
after(() => crosscut.close())

test('the requests of the page are answered with the token that it makes', async () => {
  const may = /token create grafana --may (\S+)/.exec(PAGE)?.[1] ?? ''
  const { secret } = await crosscut.api<{ secret: string }>('/tokens', {
    method: 'POST',
    body: JSON.stringify({ name: 'grafana', may: [may] }),
  })
  const places = [...PAGE.matchAll(/http:\/\/127\.0\.0\.1:7070(\/[a-z]+\/api[^\s']*)/g)].map(
    ([, place = '']) => place,
  )
  assert.equal(places.length, 3)
  for (const place of places) {
    const answer = await fetch(`${crosscut.url}${place}`, { headers: { authorization: `Bearer ${secret}` } })
    assert.equal(answer.status, 200, `${place}: ${await answer.text()}`)
  }
})

test('the data sources point at prefixes that there are', async () => {
  const block =
    /<!-- checked by test\/docs\/grafana\.test\.ts -->\n```yaml\n([\s\S]*?)```/.exec(PAGE)?.[1] ?? ''
  const urls = [...block.matchAll(/url: http:\/\/127\.0\.0\.1:7070(\/\w+)/g)].map(([, prefix]) => prefix)
  assert.deepEqual(urls, ['/tempo', '/jaeger'])
  for (const prefix of urls)
    assert.ok(
      routeTable.some((route) => route.path.startsWith(`${prefix}/api/`)),
      prefix,
    )
})

test('the page names every route of both APIs', () => {
  for (const route of routeTable) {
    const [, place] = /^\/(?:jaeger|tempo)(\/.*)$/.exec(route.path) ?? []
    const named = place
      ?.replace('{traceId}', '{id}')
      .replace('/api/v2/search/tag/{tag}/values', '/api/v2/...')
    if (named !== undefined) assert.ok(PAGE.includes(named), route.path)
  }
})
