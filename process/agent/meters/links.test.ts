// How busy a machine's links are, from files of the kernel that are given.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Links } from './links.ts'

const line = (link: string, received: number, sent: number) =>
  `${link.padStart(6)}: ${received}   1    0    0    0     0   0   0 ${sent}    1    0    0    0     0    0    0\n`

const HEAD = `Inter-|   Receive                     |  Transmit
 face |bytes    packets errs drop fifo|bytes    packets errs drop fifo
${line('lo', 9e9, 9e9)}`

/** Readings a second apart. */
function links(speeds: Readonly<Record<string, string>>, mbits?: number) {
  let nowMs = 0
  let dev: string | undefined
  const opened = new Links({
    mbits,
    nowMs: () => nowMs,
    read: (path) => {
      const text = path === '/proc/net/dev' ? dev : speeds[path]
      if (text === undefined) throw new Error('ENOENT')
      return text
    },
  })
  return (lines: string | undefined) => {
    nowMs += 1000
    dev = lines === undefined ? undefined : HEAD + lines
    return opened.utilisation()
  }
}

const GIGABIT = { '/sys/class/net/eth0/speed': '1000\n', '/sys/class/net/eth1/speed': '100\n' }

test('of the busiest link the busier direction, and not what stays in the machine', () => {
  const read = links(GIGABIT)
  assert.equal(read(line('eth0', 5, 5) + line('eth1', 0, 0)), undefined, 'nothing to compare with')
  // 50 MB a second are 0.4 of a gigabit, 2.5 MB 0.2 of 100 Mbit.
  assert.equal(read(line('eth0', 5 + 50e6, 5 + 1e6) + line('eth1', 1e6, 2.5e6)), 0.4)
  assert.equal(read(line('eth0', 5 + 50e6, 5 + 1e6) + line('eth1', 1e6, 2.5e6)), 0)
})

test('never above 1, and never below 0 where counters begin anew', () => {
  const read = links(GIGABIT)
  read(line('eth0', 1e6, 0))
  assert.equal(read(line('eth0', 1e12, 0)), 1)
  assert.equal(read(line('eth0', 0, 0)), 0)
})

test('a link that does not say its speed is not known, unless somebody else says it', () => {
  const unsaid = { '/sys/class/net/eth0/speed': '-1\n' }
  const readings = [line('eth0', 0, 0), line('eth0', 0, 25e6)]
  for (const [mbits, expected] of [
    [undefined, undefined],
    [400, 0.5],
    [0, undefined],
  ] as const) {
    const read = links(unsaid, mbits)
    assert.deepEqual(readings.map(read), [undefined, expected], `${mbits}`)
  }
})

test('where the system has no such files it is not known', () => {
  const read = links({})
  assert.deepEqual([read(undefined), read(undefined)], [undefined, undefined])
})
