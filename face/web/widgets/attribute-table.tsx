// Keys and values of a span, an event, a resource: dense, copyable, inert.

import type { AttributeValue, Attributes } from '#protocol'
import { useState } from 'preact/hooks'
import { VALUE_PREVIEW_CHARS } from '../base/limits.ts'
import { CopyButton } from './controls.tsx'
import { LinkedText, Text } from './text.tsx'

export function AttributeTable({
  of,
  filterBy,
}: {
  readonly of: Attributes
  /** Makes the address of the list filtered by a pair, for values that can be filtered by. */
  readonly filterBy?: (key: string, value: string) => string
}) {
  const keys = Object.keys(of).sort()
  return (
    <table class="attributes">
      <tbody>
        {keys.map((key) => {
          const value = of[key] ?? null
          const text = valueText(value)
          return (
            <tr key={key}>
              <th scope="row">
                <Text of={key} />
              </th>
              <td class={`value ${typeof value}`}>
                <Value text={text} />
                <span class="actions">
                  {filterBy && typeof value !== 'object' && (
                    <a
                      class="icon-button"
                      href={filterBy(key, text)}
                      title="Traces with this value"
                      aria-label="Traces with this value"
                    >
                      <FilterMark />
                    </a>
                  )}
                  <CopyButton get={() => text} label="Copy value" />
                </span>
              </td>
            </tr>
          )
        })}
      </tbody>
    </table>
  )
}

function FilterMark() {
  return <span aria-hidden="true">=</span>
}

function Value({ text }: { readonly text: string }) {
  const [isWhole, setWhole] = useState(false)
  if (text.length <= VALUE_PREVIEW_CHARS || isWhole) return <LinkedText of={text} />
  return (
    <>
      <Text of={text.slice(0, VALUE_PREVIEW_CHARS)} />…{' '}
      <button type="button" class="text-button" onClick={() => setWhole(true)}>
        show all {text.length} characters
      </button>
    </>
  )
}

/** Strings as they are, everything else as JSON. */
export function valueText(value: AttributeValue): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
