// Untrusted text on the page: text nodes only, hidden characters spelt out.

import { safeLink, textParts } from '../base/text.ts'
import { Icon } from './icon.tsx'

export function Text({ of }: { readonly of: string }) {
  const parts = textParts(of)
  if (parts.length === 1 && parts[0]!.kind === 'text') return <bdi>{of}</bdi>
  return (
    <bdi>
      {parts.map((part) =>
        part.kind === 'text' ? (
          part.text
        ) : (
          <span class="escape" title="a character that does not show">
            {part.text}
          </span>
        ),
      )}
    </bdi>
  )
}

/** The same, and a link when the whole of it is an http or https address. */
export function LinkedText({ of }: { readonly of: string }) {
  const href = safeLink(of)
  if (href === undefined) return <Text of={of} />
  return (
    <a class="outside" href={href} target="_blank" rel="noopener noreferrer">
      <Text of={of} />
      <Icon name="external" size={11} />
    </a>
  )
}
