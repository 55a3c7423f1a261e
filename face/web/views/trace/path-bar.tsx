// Which two points the critical path is between, where they were chosen, and the little buttons by which they
// are. Everything goes through the URL.

import { formatDuration } from '../../base/format.ts'
import { changeQuery } from '../../base/route.ts'
import { Button, IconButton } from '../../widgets/controls.tsx'
import { Text } from '../../widgets/text.tsx'
import { nameOf, serviceOf, type TraceColumns } from './columns.ts'
import {
  END_LETTERS,
  instantName,
  pathEnd,
  type Instant,
  type PathEnd,
  type PathEnds,
  type PathSide,
  type PathState,
} from './path-ends.ts'

export function chooseEnd(side: PathSide, end: PathEnd | undefined): void {
  changeQuery({ [side]: end?.text, ...(end === undefined ? {} : { path: undefined }) }, { replace: true })
}

export function clearEnds(): void {
  changeQuery({ from: undefined, to: undefined }, { replace: true })
}

export function PathBar({
  columns,
  ends,
  state,
  onSelect,
}: {
  readonly columns: TraceColumns
  readonly ends: PathEnds
  readonly state: PathState
  readonly onSelect: (index: number) => void
}) {
  const { from, to } = ends
  if (from === undefined && to === undefined) return null
  const swap = (): void => changeQuery({ from: to?.text, to: from?.text }, { replace: true })
  const isBackward = from !== undefined && to !== undefined && from.ns >= to.ns
  return (
    <div class="path-bar" role="status" data-role="path-bar">
      <span class="muted">Critical path</span>
      <End side="from" end={from} columns={columns} onSelect={onSelect} />
      <span class="muted" aria-label="to">
        →
      </span>
      <End side="to" end={to} columns={columns} onSelect={onSelect} />
      {from !== undefined && to !== undefined && !isBackward && <b>{formatDuration(to.ns - from.ns)}</b>}
      {state === 'asked' && <span class="muted">…</span>}
      {isBackward ? (
        <span class="bad">b is not after a: nothing leads from a to b</span>
      ) : (
        FAILURES[state] && <span class="bad">{FAILURES[state]}</span>
      )}
      {from !== undefined && to !== undefined && (
        <Button title="a becomes b, b becomes a" onClick={swap}>
          Swap
        </Button>
      )}
      <Button title="The path of the whole trace again (x)" onClick={clearEnds}>
        Whole trace
      </Button>
    </div>
  )
}

const FAILURES: { readonly [state in PathState]?: string } = {
  none: 'nothing leads from a to b',
  failed: 'the server did not answer',
}

function End({
  side,
  end,
  columns,
  onSelect,
}: {
  readonly side: PathSide
  readonly end: PathEnd | undefined
  readonly columns: TraceColumns
  readonly onSelect: (index: number) => void
}) {
  if (end === undefined)
    return <span class="path-end muted">the root's {side === 'from' ? 'begin' : 'end'}</span>
  return (
    <span class="path-end">
      <i class="path-letter">{END_LETTERS[side]}</i>
      <button type="button" class="text-button" onClick={() => onSelect(end.span)}>
        <Text of={serviceOf(columns, end.span)} /> · <Text of={nameOf(columns, end.span)} />
      </button>
      <span class="muted">
        <Text of={instantName(columns, end)} /> +{formatDuration(end.ns - columns.bounds.startNs)}
      </span>
      <IconButton
        icon="close"
        label={`From the root's ${side === 'from' ? 'begin' : 'end'} again`}
        onClick={() => chooseEnd(side, undefined)}
      />
    </span>
  )
}

/** "a" and "b" at an instant: the critical path begins, ends here. `to` where an edge arrives elsewhere. */
export function EndButtons({
  columns,
  ends,
  span,
  at,
  to = { span, at },
  what,
}: {
  readonly columns: TraceColumns
  readonly ends: PathEnds
  readonly span: number
  readonly at: Instant
  readonly to?: { readonly span: number; readonly at: Instant }
  readonly what: string
}) {
  const choices = { from: pathEnd(columns, span, at), to: pathEnd(columns, to.span, to.at) }
  return (
    <span class="end-buttons">
      {(['from', 'to'] as const).map((side) => {
        const isChosen = ends[side]?.text === choices[side].text
        const label = `Critical path ${side} ${what}`
        return (
          <button
            key={side}
            type="button"
            class={`path-letter${isChosen ? ' on' : ''}`}
            title={label}
            aria-label={label}
            aria-pressed={isChosen}
            onClick={() => chooseEnd(side, isChosen ? undefined : choices[side])}
          >
            {END_LETTERS[side]}
          </button>
        )
      })}
    </span>
  )
}
