// Search within the trace and what can be done to the tree, above the names.

import { useEffect, useState } from 'preact/hooks'
import { formatCount } from '../../base/format.ts'
import { URL_SETTLE_MS } from '../../base/limits.ts'
import { changeQuery } from '../../base/route.ts'
import { IconButton } from '../../widgets/controls.tsx'
import { Icon } from '../../widgets/icon.tsx'

export function SearchBox({
  text,
  found,
  selected,
  onStep,
  isCollapsed,
  onCollapse,
}: {
  readonly text: string
  readonly found: Int32Array
  readonly selected: number
  readonly onStep: (by: 1 | -1) => void
  readonly isCollapsed: boolean
  readonly onCollapse: () => void
}) {
  const [typed, setTyped] = useState(text)
  useEffect(() => setTyped(text), [text])
  useEffect(() => {
    if (typed === text) return
    const timer = setTimeout(() => changeQuery({ q: typed || undefined }, { replace: true }), URL_SETTLE_MS)
    return () => clearTimeout(timer)
  }, [typed])
  const at = found.indexOf(selected)
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'Enter') {
      event.preventDefault()
      onStep(event.shiftKey ? -1 : 1)
    }
    if (event.key !== 'Escape') return
    event.stopPropagation()
    if (typed !== '') {
      setTyped('')
      changeQuery({ q: undefined }, { replace: true })
    }
    if (event.currentTarget instanceof HTMLElement) event.currentTarget.blur()
  }
  return (
    <>
      <label class="field search-box">
        <Icon name="search" size={13} />
        <input
          type="text"
          value={typed}
          placeholder="Find in trace"
          aria-label="Find in trace"
          data-role="search"
          spellcheck={false}
          onInput={(event) => setTyped(event.currentTarget.value)}
          onKeyDown={onKeyDown}
        />
        {text !== '' && (
          <span class={found.length === 0 ? 'none' : 'muted'}>
            {at >= 0 ? `${formatCount(at + 1)}/` : ''}
            {formatCount(found.length)}
          </span>
        )}
      </label>
      <IconButton
        icon={isCollapsed ? 'down' : 'right'}
        label={isCollapsed ? 'Expand all' : 'Collapse to the first level'}
        onClick={onCollapse}
        isOn={isCollapsed}
      />
    </>
  )
}
