// How far a backfill is: old traces get the rows of features that are newer than they are.

import type { BackfillView } from '#protocol'
import { useState } from 'preact/hooks'
import { backfillDataset, cancelBackfill } from '../../base/dataset-api.ts'
import { formatCount, plural } from '../../base/format.ts'
import { Button, Select } from '../../widgets/controls.tsx'
import { Refused } from '../../widgets/notice.tsx'
import { Text } from '../../widgets/text.tsx'
import { failed } from './failure.ts'

export function BackfillBar({
  backfill,
  isBrief = false,
}: {
  readonly backfill: BackfillView
  readonly isBrief?: boolean
}) {
  const { state, tracesDone, tracesTotal, rows, error } = backfill
  const share = state === 'done' ? 1 : tracesTotal === 0 ? 0 : Math.min(1, tracesDone / tracesTotal)
  const text =
    state === 'waiting'
      ? 'backfill waits'
      : state === 'running'
        ? `backfill ${Math.floor(share * 100)} %`
        : `backfill ${state}`
  return (
    <span class={`backfill ${state}`}>
      <span
        class="progress"
        role="progressbar"
        aria-label="Backfill"
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.floor(share * 100)}
      >
        <span style={{ width: `${share * 100}%` }} />
      </span>
      <span>{text}</span>
      {!isBrief && (
        <span class="muted">
          {formatCount(tracesDone)} of {plural(tracesTotal, 'trace')}, {plural(rows, 'row')}
        </span>
      )}
      {error !== undefined && (
        <span class="bad">
          <Text of={error} />
        </span>
      )}
    </span>
  )
}

const RANGES = [
  { value: '1', label: 'the last hour' },
  { value: '24', label: 'the last 24 hours' },
  { value: '168', label: 'the last 7 days' },
  { value: '720', label: 'the last 30 days' },
] as const
const HOUR_MS = 3_600_000
/** Traces of clocks that are ahead begin after now. */
const AHEAD_MS = 60_000
const ANSWER_MS_MAX = 15_000

/** Starts one; how far it is comes with the list. */
export function BackfillStart({
  name,
  backfill,
  onStarted,
}: {
  readonly name: string
  readonly backfill: BackfillView | undefined
  readonly onStarted: () => void
}) {
  const [hours, setHours] = useState<string>('1')
  const [failure, setFailure] = useState<Error>()
  const isRunning = backfill?.state === 'running' || backfill?.state === 'waiting'
  const act = async (): Promise<void> => {
    setFailure(undefined)
    const signal = AbortSignal.timeout(ANSWER_MS_MAX)
    const range = { from: Math.max(0, Date.now() - Number(hours) * HOUR_MS), to: Date.now() + AHEAD_MS }
    try {
      await (isRunning ? cancelBackfill(name, signal) : backfillDataset(name, range, signal))
    } catch (error: unknown) {
      setFailure(failed(error))
    }
    onStarted()
  }
  return (
    <section class="editor-part" aria-label="Backfill">
      <h2>Stored traces</h2>
      <p class="muted">New features are of new traces. A backfill evaluates them on what is stored.</p>
      <p class="row">
        <Select label="Which traces" value={hours} options={RANGES} onChange={setHours} />
        <Button icon={isRunning ? 'stop' : 'play'} onClick={() => void act()}>
          {isRunning ? 'Cancel' : 'Backfill'}
        </Button>
      </p>
      {backfill !== undefined && <BackfillBar backfill={backfill} />}
      {failure !== undefined && <Refused error={failure} />}
    </section>
  )
}
