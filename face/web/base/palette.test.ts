// Colours of services: stable, distinct, readable.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
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

test('every text reaches 4.5:1 on every surface it may stand on, in both themes', () => {
  const css = readFileSync(new URL('tokens.css', import.meta.url), 'utf8')
  for (const theme of ['light', 'dark']) {
    const block = css.split(`data-theme='${theme}'`)[1]!.split('}')[0]!
    const token = new Map([...block.matchAll(/--([\w-]+): (#\w{6});/g)].map(([, name, hex]) => [name, hex!]))
    for (const text of ['ink', 'ink-2', 'ink-3', 'accent', 'error', 'warn', 'ok'])
      for (const surface of [
        'bg',
        'surface',
        'raised',
        'sunken',
        'hover',
        'accent-soft',
        'error-soft',
        'mark',
      ])
        assert.ok(contrast(token.get(text)!, token.get(surface)!) >= 4.5, `${theme}: ${text} on ${surface}`)
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
