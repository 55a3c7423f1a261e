// Conditions as text: what is read, where mistakes are, and that no text does anything else.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { formatDiagnostic } from '#base'
import { DatasetError } from './query-error.ts'
import { Params, whereSql } from './query-sql.ts'
import { Columns, readWhere } from './query-tree.ts'
import { parseWhere } from './where-text.ts'

const columns = new Columns([
  { name: 'duration_ms', type: 'number', field: 'f0', isOwn: false },
  { name: 'service', type: 'string', field: 'f1', isOwn: false },
  { name: 'tags', type: 'strings', field: 'f2', isOwn: false },
  { name: 'failed', type: 'boolean', field: 'f3', isOwn: false },
  { name: 'odd name', type: 'string', field: 'f4', isOwn: false },
])

describe('conditions as text', () => {
  it('reads what people write', () => {
    const table: [string, unknown][] = [
      ['', { and: [] }],
      ["service = 'a'", { column: 'service', op: '=', value: 'a' }],
      ['service == "it\\"s"', { column: 'service', op: '=', value: 'it"s' }],
      ['duration_ms>=1.5e3', { column: 'duration_ms', op: '>=', value: 1500 }],
      ["`odd name` ~ 'x'", { column: 'odd name', op: 'contains', value: 'x' }],
      ["tags in ('a', 'b')", { column: 'tags', op: 'in', value: ['a', 'b'] }],
      ['failed = true', { column: 'failed', op: '=', value: true }],
      ['service exists', { column: 'service', op: 'exists' }],
      [
        'not failed = true and duration_ms < 1 or service exists',
        {
          or: [
            {
              and: [
                { not: { column: 'failed', op: '=', value: true } },
                { column: 'duration_ms', op: '<', value: 1 },
              ],
            },
            { column: 'service', op: 'exists' },
          ],
        },
      ],
      [
        'failed = true and (duration_ms < 1 or duration_ms > 2)',
        {
          and: [
            { column: 'failed', op: '=', value: true },
            {
              or: [
                { column: 'duration_ms', op: '<', value: 1 },
                { column: 'duration_ms', op: '>', value: 2 },
              ],
            },
          ],
        },
      ],
    ]
    for (const [text, where] of table) assert.deepEqual(parseWhere(text), { where }, text)
  })

  it('says where a mistake is, and what belongs there', () => {
    const table: [string, RegExp][] = [
      ['service', /^1:8 error: after column service comes/],
      ['service = shop', /^1:11 error: 'shop' is no value: texts stand in quotes \(try: 'shop'\)/],
      ["service = 'a' failed = true", /^1:15 error: .*try: and/],
      ['(service exists', /^1:16 error: a parenthesis is not closed/],
      ['service in ()', /^1:13 error: a value is missing/],
      ['and', /^1:1 error: a column belongs here/],
      ["service = 'a\n' ; DROP", /^2:3 error: ';' is not understood/],
      ["service = 'open", /^1:11 error: ''' is not understood/],
    ]
    for (const [text, said] of table) {
      const parsed = parseWhere(text)
      assert.ok('diagnostic' in parsed, text)
      assert.match(formatDiagnostic(parsed.diagnostic), said)
    }
  })

  it('any text gives SQL of our own words with bound values, or a refusal with a mend', () => {
    const words = fc.constantFrom(
      ...['service', 'tags', 'failed', 'duration_ms', '`odd name`', '=', '!=', '<', '~', 'in', '(', ')', ','],
      ...[
        "'x'",
        "'; DROP TABLE dataset_1; --'",
        '1',
        'true',
        'and',
        'or',
        'not',
        'exists',
        'contains',
        '`',
        "'",
      ],
    )
    const texts = fc.oneof(
      fc.array(words, { maxLength: 12 }).map((all) => all.join(' ')),
      fc.string({ maxLength: 60, unit: 'binary' }),
    )
    fc.assert(
      fc.property(texts, (text) => {
        const params = new Params()
        try {
          const sql = whereSql(readWhere(text, columns), params)
          const rest = sql.replaceAll(/\{p\d+:[A-Za-z0-9()]+\}/g, '')
          assert.match(rest, /^[\sa-zA-Z0-9_(),=<>!'.*/-]*$/)
          assert.ok(!/DROP|dataset_/.test(rest), rest)
        } catch (error: unknown) {
          assert.ok(error instanceof DatasetError && error.hint !== '', String(error))
        }
      }),
      { numRuns: 500 },
    )
  })

  it('depth and size are bounded', () => {
    const deep = `${'('.repeat(200)}failed = true${')'.repeat(200)}`
    const long = Array.from({ length: 600 }, () => 'failed = true').join(' or ')
    for (const text of [deep, long])
      assert.throws(() => readWhere(text, columns), { code: 'E_DATASET_WHERE' })
    assert.throws(() => readWhere(JSON.parse('{"not":'.repeat(40) + '1' + '}'.repeat(40)), columns), {
      code: 'E_DATASET_WHERE',
    })
  })
})
