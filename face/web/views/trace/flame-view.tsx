// The flame view: the trace folded by call path as a picture, and beside it the same as a table, most self
// time first. A click makes a call path the whole picture (top= in the URL) and selects its first span.

import { useMemo } from 'preact/hooks'
import { formatCount, formatDuration } from '../../base/format.ts'
import { icicleWay } from '../../base/icicle.ts'
import { changeQuery } from '../../base/route.ts'
import { useTheme } from '../../base/theme.ts'
import { Button } from '../../widgets/controls.tsx'
import { Icicle, type Slice } from '../../widgets/icicle.tsx'
import { ServiceDot } from '../../widgets/service.tsx'
import { Text } from '../../widgets/text.tsx'
import { canvasText, type TraceColumns } from './columns.ts'
import { flameOf, type Flame, type FlameNode } from './flame.ts'
import { onPathNs, type TracePath } from './overlay.ts'

/** Of the way to the block that is the whole picture. */
const CRUMBS_MAX = 12
const TABLE_ROWS_MAX = 200

export function FlameView({
  columns,
  path,
  top,
  selected,
  onSelect,
}: {
  readonly columns: TraceColumns
  readonly path: TracePath
  /** The span whose call path is the whole picture. */
  readonly top: string | undefined
  readonly selected: number
  readonly onSelect: (index: number) => void
}) {
  const flame = useMemo(() => flameOf(columns, (span) => onPathNs(path, span)), [columns, path])
  const slices = useMemo(() => flame.nodes.map((node) => sliceOf(columns, node)), [columns, flame])
  const topSpan = top === undefined ? undefined : columns.indexOf.get(top)
  const topNode = topSpan === undefined ? -1 : flame.nodeOf[topSpan]!
  const open = (node: number): void => {
    const example = flame.nodes[node]!.example
    changeQuery({ top: node === topNode ? undefined : columns.spanIds[example] }, { replace: true })
    onSelect(example)
  }
  return (
    <div class="flame">
      <div class="flame-crumbs">
        <Button onClick={() => changeQuery({ top: undefined }, { replace: true })} isOn={topNode < 0}>
          Whole trace
        </Button>
        {icicleWay(slices, topNode)
          .slice(-CRUMBS_MAX)
          .map((node) => (
            <button key={node} type="button" class="text-button" onClick={() => open(node)}>
              <Text of={columns.names[flame.nodes[node]!.name] ?? ''} />
            </button>
          ))}
        <span class="muted">
          {formatCount(flame.nodes.length)} call paths of {formatCount(columns.count)} spans
        </span>
      </div>
      <div class="flame-picture">
        <Icicle
          slices={slices}
          top={topNode}
          chosen={selected < 0 ? -1 : flame.nodeOf[selected]!}
          label="Call paths by time; the table below has the same"
          titleOf={(at) => titleOf(columns, flame.nodes[at]!)}
          onOpen={open}
        />
      </div>
      <Table columns={columns} flame={flame} topNode={topNode} onOpen={open} />
    </div>
  )
}

function sliceOf(columns: TraceColumns, node: FlameNode): Slice {
  const name = canvasText(columns.names[node.name] ?? '')
  return {
    parent: node.parent,
    amount: node.totalNs,
    label: node.count > 1 ? `${name}  ${node.count}×` : name,
    hue: columns.serviceHue[node.service] ?? 0,
    marked: node.totalNs === 0n ? 0 : Number((node.onPathNs * 1000n) / node.totalNs) / 1000,
    isBad: node.errors > 0,
  }
}

function titleOf(columns: TraceColumns, node: FlameNode): string {
  const name = canvasText(columns.names[node.name] ?? '')
  const times = `${formatDuration(node.totalNs)}, self ${formatDuration(node.selfNs)}`
  return `${canvasText(columns.serviceNames[node.service] ?? '')} · ${name}: ${node.count} ×, ${times}`
}

function Table({
  columns,
  flame,
  topNode,
  onOpen,
}: {
  readonly columns: TraceColumns
  readonly flame: Flame
  readonly topNode: number
  readonly onOpen: (node: number) => void
}) {
  const theme = useTheme()
  const rows = useMemo(() => {
    const inside = flame.nodes.map((_, at) => at).filter((at) => isBelow(flame, at, topNode))
    const self = (at: number): bigint => flame.nodes[at]!.selfNs
    return inside
      .sort((a, b) => (self(a) < self(b) ? 1 : self(a) > self(b) ? -1 : a - b))
      .slice(0, TABLE_ROWS_MAX)
  }, [flame, topNode])
  return (
    <div class="flame-table">
      <table data-role="flame-table">
        <thead>
          <tr>
            <th>Call path's operation</th>
            <th class="number">Spans</th>
            <th class="number">Errors</th>
            <th class="number">Self</th>
            <th class="number">Total</th>
            <th class="number">On critical path</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((at) => {
            const node = flame.nodes[at]!
            return (
              <tr key={at} onClick={() => onOpen(at)}>
                <td>
                  <ServiceDot hue={columns.serviceHue[node.service] ?? 0} theme={theme} />
                  <button type="button" class="row-button">
                    <span class="muted">
                      <Text of={columns.serviceNames[node.service] ?? ''} />
                    </span>{' '}
                    <Text of={columns.names[node.name] ?? ''} />
                  </button>
                </td>
                <td class="number">{formatCount(node.count)}</td>
                <td class={`number${node.errors > 0 ? ' bad' : ''}`}>{node.errors || ''}</td>
                <td class="number">{formatDuration(node.selfNs)}</td>
                <td class="number">{formatDuration(node.totalNs)}</td>
                <td class="number">{node.onPathNs === 0n ? '' : formatDuration(node.onPathNs)}</td>
              </tr>
            )
          })}
        </tbody>
      </table>
    </div>
  )
}

function isBelow(flame: Flame, node: number, top: number): boolean {
  if (top < 0) return true
  for (let at = node; at >= 0; at = flame.nodes[at]!.parent) if (at === top) return true
  return false
}
