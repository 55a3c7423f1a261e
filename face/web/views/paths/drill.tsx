// One part looked at closer: how its time spreads over the traces, each bar with a trace to open, and the
// traces in which it took longest.

import { formatCount, formatDuration } from '../../base/format.ts'
import { traceAddress } from '../../base/route.ts'
import { IconButton } from '../../widgets/controls.tsx'
import { Text } from '../../widgets/text.tsx'
import type { Chosen } from './paths.tsx'
import { percent } from './percent.ts'

/** Examples listed, longest first. */
const EXAMPLES_MAX = 8

export function Drill({
  chosen,
  wholeNs,
  traces,
  onClose,
}: {
  readonly chosen: Chosen
  readonly wholeNs: bigint
  readonly traces: number
  readonly onClose: () => void
}) {
  const { share, title } = chosen
  const { distribution } = share
  const most = distribution.reduce((count, bucket) => Math.max(count, bucket.count), 1)
  const longest = [...distribution].reverse().slice(0, EXAMPLES_MAX)
  return (
    <aside class="drill" aria-label="Distribution and examples" data-role="drill">
      <header>
        <h2>
          <Text of={title} />
        </h2>
        <IconButton icon="close" label="Close (Esc)" onClick={onClose} />
      </header>
      <dl class="facts">
        <div>
          <dt>Of all time</dt>
          <dd>{percent(BigInt(share.ns), wholeNs)}</dd>
        </div>
        <div>
          <dt>In traces</dt>
          <dd>
            {formatCount(share.traces)} of {formatCount(traces)}
          </dd>
        </div>
        <div>
          <dt>p50</dt>
          <dd>{formatDuration(BigInt(share.p50Ns))}</dd>
        </div>
        <div>
          <dt>p95</dt>
          <dd>{formatDuration(BigInt(share.p95Ns))}</dd>
        </div>
      </dl>
      <h3>Time per trace</h3>
      <ul class="drill-bars">
        {distribution.map((bucket) => (
          <li key={bucket.ns}>
            <a
              href={traceAddress(bucket.traceId, bucket.spanId)}
              title={`${bucket.count} traces from ${formatDuration(BigInt(bucket.ns))}: open one`}
            >
              <span class="muted">{formatDuration(BigInt(bucket.ns))}</span>
              <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
                <rect x="0" y="0" width={(bucket.count / most) * 100} height="8" />
              </svg>
              <span>{formatCount(bucket.count)}</span>
            </a>
          </li>
        ))}
      </ul>
      <h3>Examples, longest first</h3>
      <ul class="drill-examples">
        {longest.map((bucket) => (
          <li key={bucket.ns}>
            <a class="text-button mono" href={traceAddress(bucket.traceId, bucket.spanId)}>
              {bucket.traceId.slice(0, 16)}…
            </a>
            <span class="muted">≥ {formatDuration(BigInt(bucket.ns))}</span>
          </li>
        ))}
      </ul>
    </aside>
  )
}
