// Colours of services: stable, distinct, readable.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hueColour, serviceHues } from './palette.ts'

test('a service keeps its colour whatever the order, and eleven differ', () => {
  const names = Array.from({ length: 11 }, (_, index) => `service-${index}`)
  const hues = serviceHues(names)
  assert.deepEqual(serviceHues([...names].reverse()), hues)
  assert.equal(new Set(hues.values()).size, 11)
  assert.equal(serviceHues([...names, 'one-more']).size, 12)
})

test('among known services one looks the same in a trace of three as in a list of ten', () => {
  const known = Array.from({ length: 10 }, (_, index) => `node-${index}`)
  const everywhere = serviceHues(known, known)
  for (const some of [known.slice(7), known.slice(2, 5), [known[9]!, known[0]!]])
    for (const [name, hue] of serviceHues(some, known)) assert.equal(hue, everywhere.get(name), name)
})

test('every colour stands out from its surface by 3:1, the contrast of WCAG for graphics', () => {
  for (let hue = 0; hue < 11; hue++) {
    assert.ok(contrast(hueColour(hue, 'light'), '#ffffff') >= 3, `light ${hue}`)
    assert.ok(contrast(hueColour(hue, 'dark'), '#14171a') >= 3, `dark ${hue}`)
  }
})

/** WCAG 2.2: relative luminance and contrast ratio. */
function contrast(a: string, b: string): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x)
  return (high! + 0.05) / (low! + 0.05)
}

function luminance(colour: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255
    return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!
}
