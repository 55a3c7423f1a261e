// The log on the simulated and on the real disk: acks, groups, sealing, dropping, damage, locks, limits.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import type { Clock } from '#base'
import { seededRandom } from '#base'
import { openLog } from './log.ts'
import type { Log, LogLimits } from './log.ts'
import { LogError } from './log-error.ts'
import { nodeDisk } from './node-disk.ts'
import {
  decodeSegmentHeader,
  encodeRecord,
  encodeSegmentHeader,
  FORMAT_VERSION,
  RECORDS_OFFSET,
  recordBytes,
  seedOf,
} from './segment-format.ts'
import { readSegment, scanSegment } from './segment-reader.ts'
import { NO_FAULTS, SimulatedDisk } from './simulated-disk.ts'

const DIR = '/log'

/** Timers fire only by hand: these tests seal when they say so. */
const stoppedClock: Clock = { nowNs: () => 0n, monotonicMs: () => 0, setTimer: () => ({ cancel: () => {} }) }

const newDisk = (seed = 1): SimulatedDisk =>
  new SimulatedDisk({ random: seededRandom(seed), wait: async () => {} })

const open = (disk: SimulatedDisk, limits: Partial<LogLimits> = {}, seed = 3): Promise<Log> =>
  openLog({ dir: DIR, disk, clock: stoppedClock, random: seededRandom(seed), limits })

const keyOf = (n: number): Uint8Array => new Uint8Array(16).fill(n)
const payloadOf = (n: number): Uint8Array => new Uint8Array(20 + n).fill(n)

const codeOf = async (promise: Promise<unknown>): Promise<string> => {
  try {
    await promise
    return 'no error'
  } catch (error: unknown) {
    return error instanceof LogError ? error.code : String(error)
  }
}

/** First bytes of all records that a consumer would read. */
async function contents(disk: SimulatedDisk, log: Log): Promise<number[]> {
  const read = await Promise.all(log.segments().map((segment) => readSegment(disk, segment)))
  return read.flatMap(({ records }) => records.map(({ payload }) => payload[0]!))
}

async function filled(disk: SimulatedDisk, count: number, limits: Partial<LogLimits> = {}): Promise<Log> {
  const log = await open(disk, limits)
  for (let n = 1; n <= count; n++) await log.append(payloadOf(n), keyOf(n))
  return log
}

test('what was acked is there after a crash, in order, once', async () => {
  const disk = newDisk()
  await filled(disk, 9)
  disk.crash()
  const log = await open(disk)
  assert.deepEqual(await contents(disk, log), [1, 2, 3, 4, 5, 6, 7, 8, 9])
  assert.deepEqual([log.report.records, log.report.lostRecords, log.report.tornRecords], [9, 0, 0])
})

test('records that wait together share one sync', async () => {
  const disk = newDisk()
  const log = await open(disk)
  await Promise.all([1, 2, 3, 4, 5, 6].map((n) => log.append(payloadOf(n), keyOf(n))))
  assert.ok(log.stats().syncs <= 2, `${log.stats().syncs} syncs`)
  assert.equal(log.stats().records, 6)
})

test('a key is stored once: while on its way, after it, after a drop, after a restart', async () => {
  const disk = newDisk()
  let log = await open(disk)
  const both = await Promise.all([log.append(payloadOf(1), keyOf(1)), log.append(payloadOf(1), keyOf(1))])
  assert.deepEqual(
    both.map(({ isDuplicate }) => isDuplicate),
    [false, true],
  )
  await log.seal()
  await log.drop(log.segments()[0]!.id)
  assert.deepEqual(
    disk.paths().filter((path) => path.endsWith('.wal')),
    [],
  )
  assert.equal((await log.append(payloadOf(1), keyOf(1))).isDuplicate, true)
  disk.crash()
  log = await open(disk)
  assert.equal((await log.append(payloadOf(1), keyOf(1))).isDuplicate, true)
  assert.equal((await log.append(payloadOf(2), keyOf(2))).isDuplicate, false)
})

test('the window keeps at least one generation of keys and forgets the oldest', async () => {
  const disk = newDisk()
  let log = await filled(disk, 9, { keysPerGeneration: 3 })
  for (const isRestarted of [false, true]) {
    if (isRestarted) {
      await log.seal()
      for (const { id } of log.segments()) await log.drop(id)
      await log.close()
      log = await open(disk, { keysPerGeneration: 3 })
    }
    assert.equal((await log.append(payloadOf(9), keyOf(9))).isDuplicate, true)
    assert.equal((await log.append(payloadOf(7), keyOf(7))).isDuplicate, true)
  }
  assert.equal((await log.append(payloadOf(1), keyOf(1))).isDuplicate, false)
})

test('a segment is sealed when it reaches its size, and files go oldest first', async () => {
  const disk = newDisk()
  const log = await filled(disk, 6, { segmentBytesMax: RECORDS_OFFSET + 2 * recordBytes(24) })
  const [first, second, third] = log.segments()
  assert.equal(log.segments().length, 3)
  await log.drop(second!.id)
  assert.ok(disk.paths().includes(second!.path), 'the older one is still needed')
  await log.drop(first!.id)
  assert.deepEqual(
    disk.paths().filter((path) => path.endsWith('.wal')),
    [third!.path],
  )
})

test('segment ids differ even when the folder was emptied', async () => {
  const ids = await Promise.all(
    [5, 6].map(async (seed) => {
      const log = await open(newDisk(), {}, seed)
      await log.append(payloadOf(1), keyOf(1))
      await log.seal()
      return log.segments()[0]!.id
    }),
  )
  assert.notEqual(ids[0], ids[1])
})

// --- full and failing disks

test('a log that was emptied goes on above all that it gave before', async () => {
  const disk = newDisk()
  const clock: Clock = { ...stoppedClock, nowNs: () => 1_600_000_000_000_000_000n }
  const opened = (nowNs = clock.nowNs()): Promise<Log> =>
    openLog({ dir: DIR, disk, clock: { ...clock, nowNs: () => nowNs }, random: seededRandom(3) })
  const first = await opened()
  const before = await first.append(payloadOf(1), keyOf(1))
  await first.seal()
  await first.drop(first.segments()[0]!.id)
  await first.close()
  const second = await opened(clock.nowNs() + 2_000_000n)
  const after = await second.append(payloadOf(2), keyOf(2))
  assert.ok(after.sequence > before.sequence, `${after.sequence} comes after ${before.sequence}`)
  await second.close()
  const third = await opened(0n)
  assert.equal((await third.append(payloadOf(3), keyOf(3))).sequence, after.sequence + 1)
  assert.equal(third.report.lostRecords, 0)
  await third.close()
})

test('a full disk refuses with E_LOG_FULL, keeps what was acked, goes on when there is space', async () => {
  const disk = newDisk()
  const log = await filled(disk, 3)
  disk.faults = { ...NO_FAULTS, capacityBytes: disk.usedBytes() + 30 }
  assert.equal(await codeOf(log.append(payloadOf(4), keyOf(4))), 'E_LOG_FULL')
  assert.equal(await codeOf(log.append(payloadOf(5), keyOf(5))), 'E_LOG_FULL')
  disk.faults = NO_FAULTS
  assert.equal((await log.append(payloadOf(4), keyOf(4))).isDuplicate, false)
  await log.seal()
  assert.deepEqual(await contents(disk, log), [1, 2, 3, 4])
})

test('after EIO in a sync the batch is not acked, its segment is left, its retry stored once', async () => {
  for (let seed = 1; seed <= 50; seed++) {
    const disk = newDisk(seed)
    const log = await filled(disk, 2)
    disk.faults = { ...NO_FAULTS, syncErrors: 1000 }
    assert.equal(await codeOf(log.append(payloadOf(3), keyOf(3))), 'E_LOG_IO')
    disk.faults = NO_FAULTS
    assert.equal((await log.append(payloadOf(3), keyOf(3))).isDuplicate, false)
    await log.seal()
    assert.equal(log.segments().length, 2)
    assert.deepEqual(await contents(disk, log), [1, 2, 3])
    disk.crash()
    assert.deepEqual(await contents(disk, await open(disk)), [1, 2, 3])
  }
})

test('limits: the log at its size, what may wait, the largest record', async () => {
  const disk = newDisk()
  const bytes = RECORDS_OFFSET + recordBytes(21) + recordBytes(22)
  const log = await filled(disk, 2, { logBytesMax: bytes })
  assert.equal(await codeOf(log.append(payloadOf(3), keyOf(3))), 'E_LOG_FULL')
  await log.seal()
  await log.drop(log.segments()[0]!.id)
  assert.equal(await codeOf(log.append(payloadOf(3), keyOf(3))), 'no error')
  const narrow = await open(newDisk(), { pendingBytesMax: 2 * recordBytes(20) })
  const waiting = [1, 2, 3].map((n) => codeOf(narrow.append(new Uint8Array(20), keyOf(n))))
  assert.deepEqual(await Promise.all(waiting), ['no error', 'no error', 'E_LOG_BUSY'])
  assert.equal(
    await codeOf(narrow.append(new Uint8Array(64 * 1024 * 1024 + 1), keyOf(4))),
    'E_LOG_RECORD_SIZE',
  )
  await narrow.close()
  assert.equal(await codeOf(narrow.append(new Uint8Array(1), keyOf(5))), 'E_LOG_CLOSED')
})

// --- damage

/** A segment file of five records in two groups, and where each record begins. */
function sampleFile(): { file: Uint8Array; starts: number[] } {
  const salt = Uint8Array.from([9, 8, 7, 6, 5, 4, 3, 2])
  const parts = [encodeSegmentHeader({ version: FORMAT_VERSION, salt, number: 1, firstSequence: 1 })]
  const starts: number[] = []
  let at = RECORDS_OFFSET
  for (let n = 1; n <= 5; n++) {
    starts.push(at)
    parts.push(
      ...encodeRecord(
        { payload: payloadOf(n), key: keyOf(n), sequence: n, indexInGroup: n <= 3 ? n - 1 : n - 4 },
        seedOf(salt),
      ),
    )
    at += recordBytes(payloadOf(n).length)
  }
  return { file: new Uint8Array(Buffer.concat(parts)), starts }
}

const scan = (file: Uint8Array): { records: number[]; missing: number } => {
  const header = decodeSegmentHeader(file)
  if (header === undefined) return { records: [], missing: 5 }
  const { records, lostRecords, tornRecords } = scanSegment(file, header)
  for (const { payload, sequence } of records)
    assert.ok(Buffer.from(payload).equals(payloadOf(sequence)), `record ${sequence} is as written`)
  return { records: records.map(({ sequence }) => sequence), missing: lostRecords + tornRecords }
}

test('every single flipped bit costs at most the record it hits, and the count is exact', () => {
  const { file } = sampleFile()
  for (let bit = 0; bit < file.length * 8; bit++) {
    const damaged = file.slice()
    damaged[bit >> 3]! ^= 1 << (bit & 7)
    const { records, missing } = scan(damaged)
    assert.ok(records.length >= 4, `bit ${bit}: ${records.join()}`)
    assert.equal(missing, 5 - records.length, `bit ${bit}`)
  }
})

test('every truncation keeps every record before the cut', () => {
  const { file, starts } = sampleFile()
  for (let length = RECORDS_OFFSET; length < file.length; length++) {
    const whole = starts.filter((start, index) => start + 48 + payloadOf(index + 1).length <= length).length
    assert.equal(scan(file.slice(0, length)).records.length, whole, `length ${length}`)
  }
})

test('zeroed and repeated stretches lose only the records they hit', () => {
  const { file, starts } = sampleFile()
  const zeroed = file.slice()
  zeroed.fill(0, starts[1], starts[3])
  assert.deepEqual(scan(zeroed), { records: [1, 4, 5], missing: 2 })
  const repeated = new Uint8Array(Buffer.concat([file.subarray(0, starts[2]), file.subarray(starts[1])]))
  assert.deepEqual(scan(repeated).records, [1, 2, 3, 4, 5])
})

test('a payload that looks like a record is never taken for one', () => {
  const { file, starts } = sampleFile()
  const salt = decodeSegmentHeader(file)!.salt
  const forged = Buffer.concat(
    encodeRecord(
      { payload: payloadOf(9), key: keyOf(9), sequence: 2, indexInGroup: 0 },
      seedOf(new Uint8Array(8)),
    ),
  )
  const parts = encodeRecord({ payload: forged, key: keyOf(1), sequence: 1, indexInGroup: 0 }, seedOf(salt))
  const segment = Buffer.concat([file.subarray(0, starts[0]), ...parts])
  segment[starts[0]! + 8]! ^= 0xff // its length is damaged: the reader must search
  assert.deepEqual(scan(segment).records, [])
})

test('opening heals: damage of one segment leaves the others whole and is reported exactly', async () => {
  const disk = newDisk()
  const log = await filled(disk, 6, { segmentBytesMax: RECORDS_OFFSET + 2 * recordBytes(24) })
  const [first, second] = log.segments()
  await log.close()
  disk.damage(first!.path, (bytes) => bytes.fill(0, 0, 70))
  disk.damage(second!.path, (bytes) => bytes.slice(0, bytes.length - 1))
  const healed = await open(disk)
  assert.deepEqual(await contents(disk, healed), [3, 5, 6])
  assert.deepEqual([healed.report.lostRecords, healed.report.unreadable], [1, ['0000000001.wal']])
})

test('the golden segment of format 1 is read as ever, and written as ever', async () => {
  const path = join(import.meta.dirname, 'golden', 'segment-v1.wal')
  const { file } = sampleFile()
  if (process.env['CROSSCUT_WRITE_GOLDEN'] !== undefined) await writeFile(path, file)
  const golden = new Uint8Array(await readFile(path))
  assert.deepEqual(scan(golden), { records: [1, 2, 3, 4, 5], missing: 0 })
  assert.deepEqual(file, golden)
})

test('a newer format is refused, not guessed', async () => {
  const disk = newDisk()
  const file = await disk.create(`${DIR}/0000000001.wal`)
  await file.write(
    [
      encodeSegmentHeader({
        version: FORMAT_VERSION + 1,
        salt: new Uint8Array(8),
        number: 1,
        firstSequence: 1,
      }),
    ],
    0,
  )
  assert.equal(await codeOf(open(disk)), 'E_LOG_VERSION')
})

// --- the real disk

async function inFolder(body: (dir: string) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'crosscut-log-'))
  try {
    await body(dir)
  } finally {
    await rm(dir, { recursive: true })
  }
}

const openReal = (dir: string): Promise<Log> =>
  openLog({ dir, disk: nodeDisk, clock: stoppedClock, random: seededRandom(1) })

test('the real disk: append, reopen, read, drop', () =>
  inFolder(async (dir) => {
    const first = await openReal(dir)
    await Promise.all(
      Array.from({ length: 1500 }, (_, n) =>
        first.append(payloadOf(n % 200), Buffer.from(String(n).padStart(16))),
      ),
    )
    await first.close()
    const log = await openReal(dir)
    const { records } = await readSegment(nodeDisk, log.segments()[0]!)
    assert.equal(records.length, 1500)
    for (const { id } of log.segments()) await log.drop(id)
    assert.deepEqual(log.segments(), [])
    await log.close()
  }))

test('a second owner is refused, in this process and in another; a killed owner leaves no lock', () =>
  inFolder(async (dir) => {
    const program = `
    import { openLog, nodeDisk } from '#log'
    import { seededRandom } from '#base'
    const clock = { nowNs: () => 0n, monotonicMs: () => 0, setTimer: () => ({ cancel() {} }) }
    const log = await openLog({ dir: process.argv[1], disk: nodeDisk, clock, random: seededRandom(1) })
    await log.append(new Uint8Array([7]), new Uint8Array(16))
    process.stdout.write('open')
    setInterval(() => {}, 1000)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', program, dir], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(child.stdout, 'data')
    assert.equal(await codeOf(openReal(dir)), 'E_LOG_LOCKED')
    child.kill('SIGKILL')
    await once(child, 'exit')
    const log = await openReal(dir)
    assert.equal(log.report.records, 1)
    assert.equal(await codeOf(openReal(dir)), 'E_LOG_LOCKED')
    await log.close()
  }))

test('a symbolic link in the folder is reported and never followed', () =>
  inFolder(async (dir) => {
    await writeFile(join(dir, 'elsewhere'), 'precious')
    await symlink(join(dir, 'elsewhere'), join(dir, '0000000003.wal'))
    const log = await openReal(dir)
    assert.deepEqual(log.report.unreadable, ['0000000003.wal'])
    await log.append(payloadOf(1), keyOf(1))
    await log.close()
    assert.equal(await readFile(join(dir, 'elsewhere'), 'utf8'), 'precious')
  }))
