// Untrusted text made visible. Names and attributes come from anywhere; a right-to-left override in a span
// name must not reorder the page, and a NUL must not vanish.
//
//   'a\u202eb'  ->  [{ text: 'a' }, { escape: 'U+202E' }, { text: 'b' }]
//
// Source: Unicode UAX #9 2 (explicit directional characters); "Trojan Source" (CVE-2021-42574).

export type TextPart = { readonly kind: 'text' | 'escape'; readonly text: string }

/**
 * C0, DEL, C1; soft hyphen; bidi marks, embeddings, isolates; zero width; line and paragraph separators; BOM;
 * tags; lone surrogates.
 */
export const HIDDEN = new RegExp(
  [
    '[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u00ad\\u061c\\u180e]',
    '[\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb]',
    '[\\u{e0000}-\\u{e007f}]',
    '[\\ud800-\\udfff]',
  ].join('|'),
  'u',
)

/** Splits text into what can be shown as it is and what must be spelt out. Line breaks and tabs stay text. */
export function textParts(text: string): readonly TextPart[] {
  if (!HIDDEN.test(text)) return [{ kind: 'text', text }]
  const parts: TextPart[] = []
  let plain = ''
  for (const char of text) {
    if (!HIDDEN.test(char)) {
      plain += char
      continue
    }
    if (plain !== '') parts.push({ kind: 'text', text: plain })
    plain = ''
    parts.push({ kind: 'escape', text: escapeName(char) })
  }
  if (plain !== '') parts.push({ kind: 'text', text: plain })
  return parts
}

/**
 * The same as one string, for canvas, titles and the clipboard-safe places: 'a⟨U+202E⟩b'. Line breaks become
 * spaces.
 */
export function visibleText(text: string): string {
  const line = /[\t\n]/.test(text) ? text.replace(/[\t\n]+/g, ' ') : text
  if (!HIDDEN.test(line)) return line
  return textParts(line)
    .map((part) => (part.kind === 'text' ? part.text : `⟨${part.text}⟩`))
    .join('')
}

/** How one of them is spelt out. */
export function escapeName(char: string): string {
  const code = char.codePointAt(0) ?? 0
  return `U+${code.toString(16).toUpperCase().padStart(4, '0')}`
}

/**
 * The URL to link to when the whole value is one http or https address, else undefined: `javascript:` never
 * passes.
 */
export function safeLink(text: string): string | undefined {
  if (!/^https?:\/\/[^\s]+$/i.test(text) || HIDDEN.test(text)) return undefined
  try {
    const url = new URL(text)
    return url.protocol === 'http:' || url.protocol === 'https:' ? url.href : undefined
  } catch {
    return undefined // not an address after all: it stays text
  }
}
