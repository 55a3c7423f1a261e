// Statements and the questions they are, by table; and what is refused, with the mend.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DatasetQuery } from '#protocol'
import { DatasetError } from './query-error.ts'
import { parseSql } from './sql.ts'

const QUESTIONS: readonly (readonly [sql: string, dataset: string, query: DatasetQuery])[] = [
  ['SELECT count(*) FROM requests', 'requests', { select: ['count'] }],
  ['select count from requests;', 'requests', { select: ['count'] }],
  [
    `SELECT service, p99(duration_ms) AS slow, count(*)
     FROM requests -- of today
     WHERE service = 'a, from b' AND duration_ms > 5 /* ms */
     GROUP BY service, status
     ORDER BY slow DESC, service
     LIMIT 20`,
    'requests',
    {
      select: ['p99(duration_ms) AS slow', 'count'],
      where: "service = 'a, from b' AND duration_ms > 5",
      groupBy: ['service', 'status'],
      orderBy: ['-slow', 'service'],
      limit: 20,
    },
  ],
  [
    'SELECT time(5m), piece, sum(bytes) FROM "page pieces" GROUP BY time(5m), `piece`',
    'page pieces',
    { select: ['sum(bytes)'], groupBy: ['piece'], everySeconds: 300 },
  ],
  [
    'SELECT count FROM rpcs GROUP BY duration_ms / log 4 ORDER BY count DESC',
    'rpcs',
    { select: ['count'], groupBy: ['duration_ms / log 4'], orderBy: ['-count'] },
  ],
]

for (const [sql, dataset, query] of QUESTIONS)
  test(sql.replaceAll(/\s+/g, ' '), () => {
    assert.deepEqual(parseSql(sql), { dataset, query })
  })

const REFUSED: readonly (readonly [sql: string, message: RegExp, hint: RegExp])[] = [
  ['', /FROM is missing/, /SELECT count FROM/],
  ['SELECT count', /FROM is missing/, /SELECT count FROM/],
  ['INSERT INTO requests VALUES (1)', /begins with SELECT, not 'INSERT'/, /SELECT/],
  ['DROP TABLE spans', /begins with SELECT/, /SELECT/],
  ["SELECT count FROM file('/etc/passwd')", /FROM takes the name of one dataset/, /dataset ls/],
  ['SELECT count FROM (SELECT count FROM requests)', /a question in a question/, /inner one first/],
  ['SELECT count FROM a JOIN b', /JOIN cannot be asked here/, /one dataset/],
  ['SELECT count FROM a UNION ALL SELECT 1', /UNION cannot be asked/, /ask twice/],
  ['SELECT count FROM a SETTINGS readonly = 0', /SETTINGS cannot/, /limits/],
  ["SELECT count FROM a INTO OUTFILE 'x'", /INTO cannot/, /downloaded/],
  ['SELECT count FROM a; DROP TABLE a', /one statement at a time/, /leave out/],
  ['SELECT count FROM a LIMIT x', /LIMIT takes a whole number/, /LIMIT 100/],
  ['SELECT count FROM a GROUP x', /BY is missing/, /GROUP BY/],
  ['SELECT count FROM a LIMIT 1 WHERE x = 1', /WHERE is out of its place/, /select/],
  ['SELECT count,, sum(x) FROM a', /nothing stands between two commas/, /count/],
  ['SELECT count FROM a ORDER BY 1', /names, not places/, /name/],
  ['SELECT count FROM a GROUP BY time(1m), time(5m)', /twice/, /one of them/],
  [`SELECT ${'x,'.repeat(20_000)} FROM a`, /at most 16384 characters/, /shorten/],
]

for (const [sql, message, hint] of REFUSED)
  test(`refused: ${sql.slice(0, 60)}`, () => {
    assert.throws(
      () => parseSql(sql),
      (error: unknown) =>
        error instanceof DatasetError &&
        error.code === 'E_DATASET_QUERY' &&
        message.test(error.message) &&
        hint.test(error.hint),
    )
  })
