// Rules that name the tenant of a request.

import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { test } from 'node:test'
import fc from 'fast-check'
import { Baggage } from '#baggage'
import type { ServerExchange } from '#carriers'
import { openWorkflow } from './bags.ts'
import { namingTenants, readTenantRule } from './tenant-rule.ts'

const asked = (url: string, headers: Record<string, string | string[]> = {}) =>
  ({ url, headers }) as unknown as IncomingMessage

test('header, query and part of the path; the first that gives something counts', () => {
  const rule = readTenantRule('header:X-Tenant, query:tenant, path:1')
  assert.equal(rule?.(asked('/acme/orders?tenant=globex', { 'x-tenant': ' initech ' })), 'initech')
  assert.equal(rule?.(asked('/acme/orders?a=1&tenant=globex')), 'globex')
  assert.equal(rule?.(asked('/ac%20me/orders?tenant=')), 'ac me')
  assert.equal(rule?.(asked('/')), undefined)
  assert.equal(rule?.(asked('/%zz')), '%zz')
})

test('what is no name is none', () => {
  const rule = readTenantRule('header:x-tenant')
  for (const value of ['', '  ', 'a\nb', 'x'.repeat(129)])
    assert.equal(rule?.(asked('/', { 'x-tenant': value })), undefined, JSON.stringify(value))
  assert.equal(rule?.(asked('/', { 'x-tenant': 'x'.repeat(128) })), 'x'.repeat(128))
})

test('what is no rule is refused as a whole', () => {
  for (const text of ['', 'header:', 'header:x y', 'cookie:a', 'path:0', 'path:x', 'header:a,nonsense'])
    assert.equal(readTenantRule(text), undefined, text)
})

test('whatever a client sends, a rule gives a short name or none, and does not throw', () => {
  const rule = readTenantRule('header:h,query:q,path:2')
  fc.assert(
    fc.property(fc.string(), fc.string(), (url, header) => {
      const tenant = rule?.(asked(url, { h: header }))
      assert.ok(tenant === undefined || (tenant.length > 0 && tenant.length <= 128))
    }),
    { numRuns: 200 },
  )
})

test('who has a tenant keeps it; who has none gets the one of the rule, before others look', () => {
  const workflow = openWorkflow()
  const seen: (string | undefined)[] = []
  const observer = namingTenants(readTenantRule('header:x-tenant'), workflow, {
    serverStart: (exchange) => void seen.push(workflow.tenant(exchange.baggage)),
  })
  const come = (baggage: Baggage) => {
    const request = asked('/', { 'x-tenant': 'acme' })
    observer.serverStart?.({ baggage, request } as unknown as ServerExchange)
  }
  come(Baggage.empty)
  come(workflow.withTenant(Baggage.empty, 'globex'))
  assert.deepEqual(seen, ['acme', 'globex'])
})
