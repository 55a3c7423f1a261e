// Whom we believe and whom we tell.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { addressRules } from './address-rules.ts'

describe('peers', () => {
  const rows: [string, string | undefined, boolean][] = [
    ['loopback,private', '127.0.0.1', true],
    ['loopback,private', '127.9.9.9', true],
    ['loopback,private', '::1', true],
    ['loopback,private', '::ffff:10.1.2.3', true],
    ['loopback,private', '172.15.255.255', false],
    ['loopback,private', '172.16.0.0', true],
    ['loopback,private', '172.31.255.255', true],
    ['loopback,private', '172.32.0.0', false],
    ['loopback,private', '192.168.1.1', true],
    ['loopback,private', '169.254.169.254', false],
    ['loopback,private', 'fd00::1', true],
    ['loopback,private', 'fe80::1%eth0', false],
    ['loopback,private', '8.8.8.8', false],
    ['loopback,private', undefined, true],
    ['loopback,private', 'nonsense', false],
    ['203.0.113.0/24', '203.0.113.255', true],
    ['203.0.113.0/24', '203.0.114.0', false],
    ['203.0.113.0/24', '127.0.0.1', false],
    ['203.0.113.7', '203.0.113.7', true],
    ['2001:db8::/32', '2001:db8:1::1', true],
    ['all', '8.8.8.8', true],
    ['none', '127.0.0.1', false],
    ['', '127.0.0.1', false],
  ]
  for (const [list, address, expected] of rows) {
    it(`'${list}' ${expected ? 'takes' : 'refuses'} ${address ?? 'a unix socket'}`, () => {
      assert.equal(addressRules(list).allowsPeer(address), expected)
    })
  }
})

describe('hosts', () => {
  const rows: [string, string, boolean][] = [
    ['loopback,private', 'localhost', true],
    ['loopback,private', 'LOCALHOST.', true],
    ['loopback,private', 'app.localhost', true],
    ['loopback,private', '[::1]', true],
    ['loopback,private', '10.0.0.1', true],
    ['loopback,private', 'orders', true],
    ['loopback,private', 'example.com', false],
    ['loopback,private', 'localhost.example.com', false],
    ['loopback,private', '169.254.169.254', false],
    ['loopback', 'orders', false],
    ['.shop.internal', 'db.shop.internal', true],
    ['.shop.internal', 'shop.internal', false],
    ['.shop.internal', 'db.shop.internal.evil.com', false],
    ['shop.example', 'shop.example', true],
    ['shop.example', 'api.shop.example', true],
    ['shop.example', 'workshop.example', false],
    ['all', 'example.com', true],
    ['none', 'localhost', false],
  ]
  for (const [list, host, expected] of rows) {
    it(`'${list}' ${expected ? 'tells' : 'does not tell'} ${host}`, () => {
      const rules = addressRules(list)
      assert.equal(rules.allowsHost(host), expected)
      assert.equal(rules.allowsHost(host), expected, 'and remembers it rightly')
    })
  }
})

describe('a list', () => {
  it('names the entries that make no sense and goes on with the others', () => {
    const rules = addressRules('10.0.0.0/33, 10.0.0.0/, 1.2.3.4/x, a b, 10.0.0.0/8')
    assert.deepEqual(rules.rejected, ['10.0.0.0/33', '10.0.0.0/', '1.2.3.4/x', 'a b'])
    assert.equal(rules.allowsPeer('10.0.0.1'), true)
  })
})
