// The contract on a real ClickHouse server, when one is given.

import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { createClient } from '@clickhouse/client'
import { openStore } from './clickhouse-store.ts'
import { storeContract } from './contract.ts'

const url = process.env['CROSSCUT_TEST_CLICKHOUSE_URL']

if (url === undefined) {
  describe('a store on a ClickHouse server', () => {
    it(
      'passes the contract',
      { skip: 'CROSSCUT_TEST_CLICKHOUSE_URL is not set: no ClickHouse server to test on' },
      () => undefined,
    )
  })
} else {
  storeContract('a ClickHouse server', async () => {
    const database = `crosscut_test_${randomBytes(6).toString('hex')}`
    const admin = createClient({ url })
    await admin.command({ query: `CREATE DATABASE ${database}` })
    const store = openStore({ url, database })
    return {
      store,
      dispose: async () => {
        await store.close()
        await admin.command({ query: `DROP DATABASE ${database}` })
        await admin.close()
      },
    }
  })
}
