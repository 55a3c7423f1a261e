// node:test reporter of `npm test`: prints failures in full and nothing else but a line a file, and leaves
// the counts in the file named by CROSSCUT_TEST_COUNTS. Plain JavaScript, because Node 22 loads it too.
//
// A suite (`describe`) is not a test; what counts is what a person would call one: a leaf that ran.

import { writeFileSync } from 'node:fs'

export default async function* report(source) {
  const counts = { passed: 0, failed: 0, skipped: 0, failures: [] }
  for await (const event of source) {
    if (event.type === 'test:stderr' || event.type === 'test:stdout') continue
    const { data } = event
    // What throws after its test has passed fails the file, and is told nowhere else.
    if (event.type === 'test:diagnostic' && data.message.startsWith('Error: ')) yield `\n${data.message}\n`
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue
    if (data.details?.type === 'suite' && event.type === 'test:pass') continue
    if (data.skip !== undefined) {
      counts.skipped++
      continue
    }
    if (event.type === 'test:pass') {
      counts.passed++
      continue
    }
    if (isEcho(data.details?.error)) continue
    counts.failed++
    const { name, file = '', line = 0 } = data
    counts.failures.push({ name, file, line })
    yield `\nnot ok: ${name}\n  at ${file}:${line}\n${indent(describeError(data.details?.error))}\n`
  }
  if (process.env.CROSSCUT_TEST_COUNTS)
    writeFileSync(process.env.CROSSCUT_TEST_COUNTS, JSON.stringify(counts))
}

/**
 * A suite fails because a test in it failed, and a file because of its tests: the cause has its own event.
 */
function isEcho(error) {
  return error?.failureType === 'subtestsFailed'
}

function describeError(error) {
  const cause = error?.cause ?? error
  if (cause instanceof Error || typeof cause?.stack === 'string') return `${cause.stack}${values(cause)}`
  return String(cause)
}

function values(error) {
  if (!('expected' in error) || !('actual' in error)) return ''
  return `\n  expected: ${show(error.expected)}\n  actual:   ${show(error.actual)}`
}

function show(value) {
  try {
    return JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? `${v}n` : v)).slice(0, 500)
  } catch {
    return String(value)
  }
}

function indent(text) {
  return text
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n')
}
