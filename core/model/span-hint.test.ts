// The hint stands where the name says nothing, and only there.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SpanView } from '#protocol'
import { spanHint } from './span-hint.ts'

const SPAN: SpanView = {
  spanId: '1',
  service: 's',
  name: 'GET',
  kind: 'server',
  startNs: '0',
  endNs: '1',
  shiftNs: '0',
  status: { code: 'unset' },
  attributes: {},
  resource: {},
  scope: { name: '' },
  events: [],
  links: [],
  droppedCount: 0,
  depth: 0,
}

const CASES: readonly (readonly [
  title: string,
  name: string,
  attributes: SpanView['attributes'],
  hint: string,
])[] = [
  ['a server span shows its path', 'GET', { 'http.request.method': 'GET', 'url.path': '/rows/1' }, '/rows/1'],
  [
    'a client span shows the path of its URL',
    'GET',
    { 'http.request.method': 'GET', 'url.full': 'http://h:1/a?b=1' },
    '/a',
  ],
  [
    'a name with a route needs none',
    'GET /rows/:id',
    { 'http.request.method': 'GET', 'url.path': '/rows/1' },
    '',
  ],
  ['a span that is not HTTP has none', 'work', { 'url.path': '/x' }, ''],
  ['a URL that is none is not shown', 'GET', { 'http.request.method': 'GET', 'url.full': 'no url' }, ''],
]

for (const [title, name, attributes, hint] of CASES) {
  test(title, () => assert.equal(spanHint({ ...SPAN, name, attributes }), hint))
}
