// The baggage header: the rows of bad input, limits at the last accepted and the first refused, and what
// others wrote left as it was.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import http from 'node:http'
import { describe, it } from 'node:test'
import { joinBaggageHeader, roomForOurs, scanBaggage } from './baggage-header.ts'
import { newCounts, type DropCounts } from './counts.ts'
import { HEADER_BYTES_MAX, LINES_MAX, MEMBER_BYTES_MAX, MEMBERS_MAX } from './limits.ts'

/** What is left, and what was counted. */
function scan(value: string | string[] | undefined): {
  ours: string | undefined
  foreign: string
  dropped: Partial<DropCounts>
} {
  const counts = newCounts()
  const { ours, foreign } = scanBaggage(value, counts)
  return {
    ours,
    foreign,
    dropped: Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)),
  }
}

describe('a header is taken apart', () => {
  const rows: [string, string | string[] | undefined, string | undefined, string][] = [
    ['nothing', undefined, undefined, ''],
    ['only ours', 'cc=AAEC', 'AAEC', ''],
    ['ours among others, whose text and order stay', 'a=1;p;q=2,cc=AAEC,b=%20x', 'AAEC', 'a=1;p;q=2,b=%20x'],
    ['spaces around, properties of ours left out', ' a=1 ,\tcc = AAEC ; p=1 , b=2 ', 'AAEC', 'a=1,b=2'],
    ['several lines', ['a=1', 'cc=AAEC', 'b=2'], 'AAEC', 'a=1,b=2'],
    ['a key that only begins like ours', 'ccc=1,cc1=2', undefined, 'ccc=1,cc1=2'],
    ['ours empty', 'cc=', '', ''],
    [
      'keys that are names of Object.prototype',
      '__proto__=x,constructor=y,hasOwnProperty=z',
      undefined,
      '__proto__=x,constructor=y,hasOwnProperty=z',
    ],
    ['empty values', 'a=,b=', undefined, 'a=,b='],
    ['latin-1 as HTTP delivers it', 'a=\u00e9', undefined, 'a=\u00e9'],
  ]
  for (const [name, value, ours, foreign] of rows) {
    it(name, () => assert.deepEqual(scan(value), { ours, foreign, dropped: {} }))
  }

  it('keys of Object.prototype leave it alone', () => {
    scan('__proto__=polluted')
    assert.equal(Reflect.get({}, 'polluted'), undefined)
    assert.equal(Reflect.getPrototypeOf({}), Object.prototype)
  })
})

describe('a member is dropped whole and counted', () => {
  const rows: [string, string, string, Partial<DropCounts>][] = [
    ['%zz', 'a=%zz,b=2', 'b=2', { member_malformed: 1 }],
    ['a lone %', 'a=%,b=2', 'b=2', { member_malformed: 1 }],
    ['an overlong encoding', 'a=%C0%80,b=2', 'b=2', { member_malformed: 1 }],
    ['an encoded surrogate', 'a=%ED%A0%80,b=2', 'b=2', { member_malformed: 1 }],
    ['% in the key', '%=1,b=2', 'b=2', { member_malformed: 1 }],
    ['no =', 'a,b=2', 'b=2', { member_malformed: 1 }],
    ['no key', '=1,b=2', 'b=2', { member_malformed: 1 }],
    ['= only in a property', 'a;p=1,b=2', 'b=2', { member_malformed: 1 }],
    ['a property with CR LF', 'a=1;p=\r\nx: y,b=2', 'b=2', { member_charset: 1 }],
    ['a property with NUL', 'a=1;p=\0,b=2', 'b=2', { member_charset: 1 }],
    ['a property with an emoji', 'a=1;p=\u{1f600},b=2', 'b=2', { member_charset: 1 }],
    ['a lone surrogate', 'a=\ud800,b=2', 'b=2', { member_charset: 1 }],
    ['a second member of ours', 'cc=AAEC,cc=AAED,b=2', 'b=2', { member_duplicate: 1 }],
  ]
  for (const [name, value, foreign, dropped] of rows) {
    it(name, () => {
      const { ours: _ours, ...left } = scan(value)
      assert.deepEqual(left, { foreign, dropped })
    })
  }
})

describe('limits hold for all lines together', () => {
  it('a member of 4096 characters is kept, of 4097 dropped', () => {
    const member = (length: number): string => `a=${'x'.repeat(length - 2)}`
    assert.deepEqual(scan(`${member(MEMBER_BYTES_MAX)},b=2`), {
      ours: undefined,
      foreign: `${member(4096)},b=2`,
      dropped: {},
    })
    assert.deepEqual(scan(`${member(MEMBER_BYTES_MAX + 1)},b=2`), {
      ours: undefined,
      foreign: 'b=2',
      dropped: { member_too_long: 1 },
    })
  })

  it('a header of 8192 bytes is kept, the member that makes it 8193 dropped', () => {
    const full = `a=${'x'.repeat(4094)},b=${'y'.repeat(4093)}`
    assert.equal(full.length, HEADER_BYTES_MAX)
    assert.deepEqual(scan(full), { ours: undefined, foreign: full, dropped: {} })
    assert.deepEqual(scan(`${full}y`), {
      ours: undefined,
      foreign: full.slice(0, 4096),
      dropped: { header_exceeded: 1 },
    })
  })

  it('180 members are kept, the 181st dropped', () => {
    const members = Array.from({ length: MEMBERS_MAX + 1 }, (_, i) => `k${i}=v`)
    assert.deepEqual(scan(members.slice(0, MEMBERS_MAX).join(',')).dropped, {})
    const over = scan(members.join(','))
    assert.deepEqual(
      [over.foreign, over.dropped],
      [members.slice(0, MEMBERS_MAX).join(','), { members_exceeded: 1 }],
    )
  })

  it('80 lines of 8 KB keep at most 8192 bytes', () => {
    const { foreign, dropped } = scan(
      Array.from({ length: 80 }, (_, i) => `k${i}=${'x'.repeat(4000)},l${i}=${'y'.repeat(4000)}`),
    )
    assert.ok(foreign.length <= HEADER_BYTES_MAX)
    assert.equal(dropped.lines_exceeded, 80 - LINES_MAX)
  })

  it('10,000 tiny members and 100,000 commas stop early', () => {
    assert.equal(
      scan(Array.from({ length: 10_000 }, () => 'a=').join(',')).foreign.split(',').length,
      MEMBERS_MAX,
    )
    assert.deepEqual(scan(','.repeat(100_000)), {
      ours: undefined,
      foreign: '',
      dropped: { members_exceeded: 1 },
    })
  })
})

describe('laws', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc.string({
      unit: fc.constantFrom('a', '=', ',', ';', ' ', '%', '4', 'c', 'é', '\n', '\u{1f600}'),
      maxLength: 200,
    }),
  )
  const header = fc.oneof(text, fc.array(text, { maxLength: 8 }))

  it('what is passed on always is a valid header value', () => {
    fc.assert(
      fc.property(header, fc.option(fc.base64String(), { nil: undefined }), (value, ours) => {
        const { foreign } = scan(value)
        const out = joinBaggageHeader(ours?.replaceAll('=', ''), foreign)
        if (out !== '') http.validateHeaderValue('baggage', out)
      }),
      { seed: 4 },
    )
  })

  it('scanning again changes nothing, so no property ever becomes a member', () => {
    fc.assert(
      fc.property(header, (value) => {
        const once = scan(value)
        assert.deepEqual(scan(once.foreign), { ours: undefined, foreign: once.foreign, dropped: {} })
      }),
      { seed: 5 },
    )
  })

  it('ours and the others come back from the header that was made of them', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.array(fc.stringMatching(/^[a-b]{1,3}=[a-z]{0,5}(;p=[a-z]{0,3})?$/), { maxLength: 9 }),
        (bytes, members) => {
          const ours = Buffer.from(bytes).toString('base64url')
          const foreign = members.join(',')
          assert.deepEqual(scan(joinBaggageHeader(ours, foreign)), { ours, foreign, dropped: {} })
        },
      ),
      { seed: 6 },
    )
  })

  it('there is room for ours as long as the whole stays within 8192', () => {
    fc.assert(
      fc.property(fc.nat({ max: HEADER_BYTES_MAX }), (length) => {
        const room = roomForOurs('x'.repeat(length))
        if (room <= 0) return
        const out = joinBaggageHeader('y'.repeat(room), 'x'.repeat(length))
        assert.ok(out.length <= HEADER_BYTES_MAX && room + 3 <= MEMBER_BYTES_MAX)
      }),
      { seed: 7 },
    )
  })
})
