// Who may give us baggage and who gets ours, on real sockets: addresses, hosts, fleet key, budgets.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Baggage } from '#baggage'
import { startContext, stopContext } from '#context'
import { fleetKey } from './fleet-key.ts'
import { carrierSettingsFromEnv, installCarriers, type Carriers, type CarrierOptions } from './install.ts'
import { MEMBER_BYTES_MAX } from './limits.ts'
import { bag, execution, get, here, pack, serve } from './testing.ts'

/** Carriers with these settings, for the length of fn. */
async function withCarriers<R>(options: CarrierOptions, fn: (carriers: Carriers) => Promise<R>): Promise<R> {
  startContext('policy-test')
  const carriers = installCarriers(options)
  try {
    return await fn(carriers)
  } finally {
    carriers.uninstall()
    stopContext('policy-test')
  }
}

/** What a server saw of a request, and what its caller holds afterwards. */
async function exchange(
  start: string[],
  headers: Record<string, string> = {},
): Promise<{ saw: string[]; baggage: string | undefined; after: string[] }> {
  const server = await serve((request, response) => {
    const saw = here()
    pack('from-server')
    response.end(JSON.stringify({ saw, baggage: request.headers['baggage'] }))
  })
  try {
    return await execution(start, async () => ({
      ...JSON.parse((await get(server.url, { headers })).body),
      after: here(),
    }))
  } finally {
    await server.close()
  }
}

describe('addresses', () => {
  it('an untrusted peer gives no baggage and gets none; members of others stop there too', () =>
    withCarriers({ trust: '203.0.113.0/24' }, async (carriers) => {
      const { saw, after } = await exchange(['t'], { baggage: 'a=1' })
      assert.deepEqual([saw, after], [[], ['t']])
      assert.equal(carriers.counts.ingress_untrusted, 2)
    }))

  it('a host that is not on the list gets no baggage, no announcement, and is not believed', () =>
    withCarriers({ egress: 'none' }, async (carriers) => {
      const { saw, baggage, after } = await exchange(['t'])
      assert.deepEqual([saw, baggage, after], [[], undefined, ['t']])
      assert.equal(carriers.counts.egress_refused, 1)
    }))

  it('what the application writes to such a host itself is sent, without our member in it', () =>
    withCarriers({ egress: 'none' }, async () => {
      const { baggage } = await exchange(['t'], { baggage: 'own=1,cc=AAEC', 'crosscut-accept': '1' })
      assert.equal(baggage, 'own=1')
    }))

  it('settings come from the environment', () => {
    assert.deepEqual(
      carrierSettingsFromEnv({
        CROSSCUT_TRUST: '10.0.0.0/8',
        CROSSCUT_EGRESS: '.x',
        CROSSCUT_FLEET_KEY: 'k',
      }),
      { trust: '10.0.0.0/8', egress: '.x', fleetKey: 'k' },
    )
    assert.deepEqual(carrierSettingsFromEnv({ CROSSCUT_FLEET_KEY: '' }), {})
  })
})

describe('a fleet key', () => {
  it('signs what is sent, and both directions join', () =>
    withCarriers({ fleetKey: 'k', trust: 'none' }, async () => {
      const { saw, baggage, after } = await exchange(['t'])
      assert.deepEqual([saw, after], [['t'], ['from-server', 't']])
      assert.match(baggage ?? '', /^cc=[\w-]+\.[\w-]{22}$/)
    }))

  it('lets a caller with empty baggage prove itself and get its answer', () =>
    withCarriers({ fleetKey: 'k' }, async () => {
      assert.deepEqual((await exchange([])).after, ['from-server'])
    }))

  const unsigned = Buffer.from(bag('t').encode()).toString('base64url')
  const rows: [string, string, 'mac_missing' | 'mac_invalid'][] = [
    ['no MAC', unsigned, 'mac_missing'],
    ['the MAC of another key', fleetKey('other').sign(unsigned), 'mac_invalid'],
    ['the MAC of another value', `AXU.${fleetKey('k').sign(unsigned).slice(-22)}`, 'mac_invalid'],
  ]
  for (const [name, value, reason] of rows) {
    it(`drops a member with ${name}, and gives such a caller nothing back`, () =>
      withCarriers({ fleetKey: 'k' }, async (carriers) => {
        const server = await serve((_request, response) => {
          const saw = here()
          pack('secret')
          response.end(JSON.stringify(saw))
        })
        const text = await plainRequest(server.port, `baggage: cc=${value}\r\ncrosscut-accept: 1\r\n`)
        assert.ok(text.endsWith('[]') && !text.toLowerCase().includes('crosscut'), text)
        assert.equal(carriers.counts[reason], 1)
        await server.close()
      }))
  }

  it('without a key here, a signed member of a trusted neighbour is read all the same', () =>
    withCarriers({}, async () => {
      const server = await serve((_request, response) => response.end(JSON.stringify(here())))
      const text = await plainRequest(server.port, `baggage: cc=${fleetKey('k').sign(unsigned)}\r\n`)
      assert.ok(text.endsWith('["t"]'), text)
      await server.close()
    }))
})

describe('budgets', () => {
  it('baggage that is too large is trimmed with a marker; the member stays within 4096 bytes', async () => {
    for (const options of [{}, { fleetKey: 'k' }]) {
      await withCarriers(options, async (carriers) => {
        const server = await serve((request, response) => {
          const [member = ''] = String(request.headers['baggage']).split(',')
          response.end(JSON.stringify([member.length, here().length]))
        })
        const many = Array.from({ length: 500 }, (_, i) => `word-${1000 + i}`)
        const [length, count] = JSON.parse((await execution(many, () => get(server.url))).body)
        assert.ok(length <= MEMBER_BYTES_MAX && length > MEMBER_BYTES_MAX - 40, String(length))
        assert.ok(count > 250 && count < 500)
        assert.equal(carriers.counts.baggage_trimmed, 1)
        await server.close()
      })
    }
  })

  it('beside 8192 bytes of others there is no room for ours, which is counted', () =>
    withCarriers({}, async (carriers) => {
      const { baggage } = await exchange(['t'], { baggage: `a=${'x'.repeat(4094)},b=${'y'.repeat(4093)}` })
      assert.equal(baggage?.length, 8192)
      assert.equal(carriers.counts.baggage_no_room, 1)
    }))

  const damaged: [string, string][] = [
    ['not base64url', '$$$$'],
    ['an impossible length', 'A'],
    ['a length that overruns', 'f3g'],
  ]
  for (const [name, value] of damaged) {
    it(`a damaged member is left out or read to the damage, counted: ${name}`, () =>
      withCarriers({}, async (carriers) => {
        const server = await serve((_request, response) => response.end(JSON.stringify(here())))
        const text = await plainRequest(server.port, `baggage: cc=${value}\r\n`)
        assert.ok(text.endsWith('[]'), text)
        assert.equal(carriers.counts.baggage_malformed, 1)
        await server.close()
      }))
  }

  it('the good atoms before the damage are kept', () =>
    withCarriers({}, async (carriers) => {
      const server = await serve((_request, response) => response.end(JSON.stringify(here())))
      const bytes = Buffer.concat([bag('good').encode(), Buffer.from([100, 1])])
      const text = await plainRequest(server.port, `baggage: cc=${bytes.toString('base64url')}\r\n`)
      assert.ok(text.endsWith('["good"]'), text)
      assert.equal(carriers.counts.baggage_malformed, 1)
      await server.close()
    }))

  it("empty baggage is nobody's member", () =>
    withCarriers({}, async () => {
      assert.equal((await exchange([])).baggage, undefined)
      assert.equal(Baggage.empty.byteLength, 0)
    }))
})

/** A request by somebody who has no Crosscut. */
async function plainRequest(port: number, headers: string): Promise<string> {
  const { connect } = await import('node:net')
  const socket = connect(port, '127.0.0.1')
  socket.write(`GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${headers}\r\n`)
  let text = ''
  for await (const chunk of socket) text += String(chunk)
  return text
}
