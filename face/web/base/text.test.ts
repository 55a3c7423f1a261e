// Hidden characters made visible, and which text may become a link.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { safeLink, textParts, visibleText } from './text.ts'

test('text that shows is left alone, text that hides is spelt out', () => {
  assert.deepEqual(textParts('GET /ärger 日本 🦊'), [{ kind: 'text', text: 'GET /ärger 日本 🦊' }])
  const cases: readonly (readonly [string, string])[] = [
    ['a\u202eb', 'a⟨U+202E⟩b'],
    ['nul\u0000', 'nul⟨U+0000⟩'],
    ['\u001b[31m', '⟨U+001B⟩[31m'],
    ['\u200bzero', '⟨U+200B⟩zero'],
    ['\ud800 lone', '⟨U+D800⟩ lone'],
    ['\u{e0041}tag', '⟨U+E0041⟩tag'],
    ['two\nlines\tand tabs', 'two lines and tabs'],
    ['\r', '⟨U+000D⟩'],
    ['\u2066isolate\u2069', '⟨U+2066⟩isolate⟨U+2069⟩'],
    ['\ufeffbom', '⟨U+FEFF⟩bom'],
  ]
  for (const [text, shown] of cases) assert.equal(visibleText(text), shown)
})

test('only whole http and https addresses become links', () => {
  assert.equal(safeLink('https://example.com/a?b=c'), 'https://example.com/a?b=c')
  assert.equal(safeLink('HTTP://Example.com'), 'http://example.com/')
  const never = [
    'javascript:alert(1)',
    'JaVaScRiPt:alert(1)',
    ' https://x',
    'https://x y',
    'data:text/html,x',
    'vbscript:x',
    'file:///etc/passwd',
    '//x',
    'https://',
    'java\u0000script:alert(1)',
    'https://a\u202eb',
    'see https://x',
    'https://x\njavascript:1',
    'http:javascript:1',
    'blob:https://x/1',
  ]
  for (const text of never) assert.equal(safeLink(text), undefined, text)
})
