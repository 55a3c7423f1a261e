// The package lock names every optional platform package, so that `npm ci` works on each of them.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { missingEntries } from './lock.ts'
import { ROOT } from './toolchain.mjs'

test('the lock is complete: every optional dependency has its entry', () => {
  const lock = JSON.parse(readFileSync(path.join(ROOT, 'package-lock.json'), 'utf8'))
  assert.deepEqual([...missingEntries(lock).keys()], [])
})

test('the lock names no registry', () => {
  assert.doesNotMatch(readFileSync(path.join(ROOT, 'package-lock.json'), 'utf8'), /"resolved"/)
})

test('a missing platform package is noted with its platform, an outdated one beside its user', () => {
  const user = { version: '2.0.0', dev: true, optionalDependencies: { 'x-linux-arm64-gnu': '2.0.0' } }
  const entry = {
    version: '2.0.0',
    dev: true,
    optional: true,
    os: ['linux'],
    cpu: ['arm64'],
    libc: ['glibc'],
  }
  assert.deepEqual(
    missingEntries({ packages: { 'node_modules/x': user } }),
    new Map([['node_modules/x-linux-arm64-gnu', entry]]),
  )
  const outdated = { 'node_modules/x': user, 'node_modules/x-linux-arm64-gnu': { version: '1.0.0' } }
  assert.deepEqual(
    missingEntries({ packages: outdated }),
    new Map([['node_modules/x/node_modules/x-linux-arm64-gnu', entry]]),
  )
})

test('what has no install script needs none: no package but the two known ones declares one', () => {
  const { packages } = JSON.parse(readFileSync(path.join(ROOT, 'package-lock.json'), 'utf8'))
  const scripted = Object.keys(packages).filter((place) => packages[place].hasInstallScript === true)
  // chdb works from its prebuilt platform package; protobufjs only prints a warning there.
  for (const place of scripted) assert.match(place, /node_modules\/(chdb|protobufjs)$/)
})
