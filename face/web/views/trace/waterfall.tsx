// The waterfall, and the swimlanes in the same frame: draws what is on the screen and turns pointer and
// wheel into window, scroll and selection. It keeps only what nobody would send to a colleague: scroll
// position, hover, a drag under way, the width of the name column.
//
//   search, minimap      <- drag: window
//   axis                 <- drag: window
//   scroller > canvas    <- wheel: rows (Shift: time, Ctrl: zoom), drag: move, click: select, collapse,
//                           Shift + click: an end of the critical path
//   table                the same rows for screen readers

import type { ComponentChildren } from 'preact'
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import { keep, remember, useTheme } from '../../base/theme.ts'
import {
  clampWindow,
  panWindow,
  timeScale,
  toNs,
  zoomWindow,
  type TimeWindow,
} from '../../base/time-scale.ts'
import { prepareCanvas } from '../../widgets/canvas.ts'
import { useSize } from '../../widgets/use-size.ts'
import { canvasText, nameOf, serviceColours, serviceOf, type TraceColumns } from './columns.ts'
import { drawAxis, drawFrame } from './draw.ts'
import { drawLanes } from './draw-lanes.ts'
import { CARET_WIDTH, ROW_HEIGHT, indentOf, readInk, rowsOnScreen } from './frame.ts'
import { spanInLine, type Lanes } from './lanes.ts'
import { Minimap } from './minimap.tsx'
import type { Arrow, TracePath } from './overlay.ts'
import { nearestEnd, type PathEnd, type PathEnds } from './path-ends.ts'
import { hasChildren, type Rows } from './rows.ts'
import { RowTable } from './row-table.tsx'

export type WaterfallProps = {
  readonly columns: TraceColumns
  readonly rows: Rows
  /** Lines of lanes instead of rows of the tree. */
  readonly lanes: Lanes | undefined
  readonly window: TimeWindow
  readonly selected: number
  readonly collapsed: ReadonlySet<number>
  readonly matches: ReadonlySet<number>
  readonly path: TracePath
  readonly arrows: readonly Arrow[]
  /** Chosen ends of the path. */
  readonly ends: PathEnds
  /** Shift and a click: the instant of that span that is nearest. */
  readonly onEnd: (end: PathEnd) => void
  readonly onWindow: (window: TimeWindow) => void
  readonly onSelect: (index: number) => void
  readonly onToggle: (index: number) => void
  /** Stands above the names: the search within the trace. */
  readonly children: ComponentChildren
}

const AXIS_HEIGHT = 26
const NAME_WIDTH = { key: 'crosscut.name-width', normal: 360, min: 160, ofPaneMax: 0.48 } as const
/** Right of the last instant, so that the last label is not cut. */
const TIMELINE_PAD = 14
const DRAG_MIN = 4
/** How near the pointer must be to a short bar, px. */
const REACH = 3

type Drag = {
  readonly kind: 'move' | 'choose'
  readonly x: number
  readonly y: number
  readonly toX: number
  readonly hasMoved: boolean
  readonly window: TimeWindow
  readonly scrollTop: number
}

export function Waterfall(props: WaterfallProps) {
  const { columns, rows, lanes, window, selected, onWindow } = props
  const scroller = useRef<HTMLDivElement>(null)
  const canvas = useRef<HTMLCanvasElement>(null)
  const axis = useRef<HTMLCanvasElement>(null)
  const fitted = useRef(new Map<string, string>())
  const size = useSize(scroller)
  const theme = useTheme()
  const ink = useMemo(readInk, [theme])
  const colours = useMemo(() => serviceColours(columns, theme), [columns, theme])
  const [scrollTop, setScrollTop] = useState(0)
  const [hover, setHover] = useState<{ readonly span: number; readonly ns: bigint | undefined }>({
    span: -1,
    ns: undefined,
  })
  const [drag, setDrag] = useState<Drag | undefined>(undefined)
  const [wantedWidth, setNameWidth] = useState(
    () => Number(remember(NAME_WIDTH.key) ?? NAME_WIDTH.normal) || NAME_WIDTH.normal,
  )
  const [fonts, setFonts] = useState(0)
  const nameWidth = Math.round(
    Math.max(NAME_WIDTH.min, Math.min(wantedWidth, size.width * NAME_WIDTH.ofPaneMax)),
  )
  const scale = timeScale(window, nameWidth + 8, Math.max(1, size.width - nameWidth - 8 - TIMELINE_PAD))

  // A typeface that comes late has other widths: what was fitted before is wrong.
  useEffect(() => {
    void document.fonts.ready.then(() => {
      fitted.current.clear()
      setFonts((old) => old + 1)
    })
  }, [])

  useLayoutEffect(() => {
    const context = prepareCanvas(canvas.current, size)
    const frame = {
      ...props,
      colours,
      ink,
      size,
      nameWidth,
      scrollTop,
      scale,
      hovered: hover.span,
      fitted: fitted.current,
    }
    if (context !== undefined) {
      if (props.lanes === undefined) drawFrame(context, frame)
      else drawLanes(context, frame, props.lanes)
      markOnce('crosscut:trace-drawn')
      if (columns.isWhole) markOnce('crosscut:trace-whole')
      if (drag?.kind === 'choose' && drag.hasMoved) {
        context.globalAlpha = 0.35
        context.fillStyle = ink['accent-line']
        context.fillRect(Math.min(drag.x, drag.toX), 0, Math.abs(drag.toX - drag.x), size.height)
        context.globalAlpha = 1
      } else if (hover.ns !== undefined) {
        context.fillStyle = ink['line-strong']
        context.fillRect(
          Math.round(scale.left + Number(hover.ns - window.startNs) * scale.pixelsPerNs),
          0,
          1,
          size.height,
        )
      }
    }
    const above = prepareCanvas(axis.current, { width: size.width, height: AXIS_HEIGHT })
    if (above !== undefined)
      drawAxis(above, { ...frame, size: { width: size.width, height: AXIS_HEIGHT } }, hover.ns)
  }, [props, colours, ink, size, nameWidth, scrollTop, hover, drag, fonts])

  useEffect(() => {
    const element = scroller.current
    if (element === null || selected < 0) return
    const top = (lanes === undefined ? rows.rowOf[selected]! : lanes.lineOf[selected]!) * ROW_HEIGHT
    if (top < element.scrollTop + ROW_HEIGHT) element.scrollTop = top - ROW_HEIGHT * 2
    else if (top > element.scrollTop + element.clientHeight - ROW_HEIGHT * 2)
      element.scrollTop = top - element.clientHeight + ROW_HEIGHT * 3
  }, [selected, rows, lanes, size.height === 0])

  const place = (event: MouseEvent): { x: number; y: number } => {
    const bounds = scroller.current!.getBoundingClientRect()
    return { x: event.clientX - bounds.left, y: event.clientY - bounds.top }
  }
  const spanAt = (x: number, y: number): number => {
    const row = Math.floor((y + scrollTop) / ROW_HEIGHT)
    if (lanes === undefined) return rows.spanOf[row] ?? -1
    if (x <= nameWidth) return -1
    const slackNs = BigInt(Math.round(REACH / scale.pixelsPerNs))
    return spanInLine(columns, lanes, { line: row, ns: toNs(scale, x), slackNs })
  }
  const rowCount = lanes === undefined ? rows.spanOf.length : lanes.lineCount

  const onWheel = (event: WheelEvent): void => {
    const { x } = place(event)
    const isZoom = event.ctrlKey || event.metaKey
    const sideways = event.shiftKey && event.deltaX === 0 ? event.deltaY : event.deltaX
    if (!isZoom && (sideways === 0 || Math.abs(event.deltaY) > Math.abs(sideways))) return
    event.preventDefault()
    if (isZoom)
      onWindow(
        zoomWindow(
          window,
          columns.bounds,
          Math.exp(event.deltaY * 0.0022),
          toNs(scale, Math.max(x, scale.left)),
        ),
      )
    else onWindow(panWindow(window, columns.bounds, BigInt(Math.round(sideways / scale.pixelsPerNs))))
  }
  // A wheel listener that prevents scrolling must not be passive, which the attribute form would make it.
  const wheel = useRef(onWheel)
  wheel.current = onWheel
  useEffect(() => {
    const element = scroller.current
    const listener = (event: WheelEvent): void => wheel.current(event)
    element?.addEventListener('wheel', listener, { passive: false })
    return () => element?.removeEventListener('wheel', listener)
  }, [])

  const onPointerDown = (event: PointerEvent): void => {
    if (event.button !== 0) return
    const { x, y } = place(event)
    if (x > scroller.current!.clientWidth) return // the scrollbar
    const isWhole = window.startNs <= columns.bounds.startNs && window.endNs >= columns.bounds.endNs
    const kind = x > nameWidth && (isWhole || event.shiftKey) ? 'choose' : 'move'
    setDrag({ kind, x, y, toX: x, hasMoved: false, window, scrollTop })
    scroller.current!.setPointerCapture(event.pointerId)
  }
  const onPointerMove = (event: PointerEvent): void => {
    const { x, y } = place(event)
    if (drag === undefined) {
      setHover({ span: spanAt(x, y), ns: x > nameWidth + 8 ? toNs(scale, x) : undefined })
      return
    }
    const hasMoved = drag.hasMoved || Math.abs(x - drag.x) > DRAG_MIN || Math.abs(y - drag.y) > DRAG_MIN
    setDrag({ ...drag, toX: x, hasMoved })
    if (drag.kind === 'choose' || !hasMoved) return
    scroller.current!.scrollTop = drag.scrollTop - (y - drag.y)
    if (drag.x > nameWidth)
      onWindow(panWindow(drag.window, columns.bounds, BigInt(Math.round((drag.x - x) / scale.pixelsPerNs))))
  }
  const onPointerUp = (event: PointerEvent): void => {
    if (drag === undefined) return
    setDrag(undefined)
    const { x, y } = place(event)
    if (drag.hasMoved) {
      if (drag.kind === 'choose' && Math.abs(drag.toX - drag.x) > DRAG_MIN) {
        onWindow(
          clampWindow(
            {
              startNs: toNs(scale, Math.min(drag.x, drag.toX)),
              endNs: toNs(scale, Math.max(drag.x, drag.toX)),
            },
            columns.bounds,
          ),
        )
      }
      return
    }
    const index = spanAt(x, y)
    if (index < 0) return
    if (event.shiftKey && x > nameWidth) return props.onEnd(nearestEnd(columns, index, toNs(scale, x)))
    const caret = 8 + indentOf(columns.depth[index]!, nameWidth)
    if (lanes === undefined && hasChildren(columns, index) && x >= caret - 4 && x <= caret + CARET_WIDTH)
      props.onToggle(index)
    else props.onSelect(index)
  }
  const [first, last] = rowsOnScreen(rows, scrollTop, size.height)
  return (
    <div class="waterfall">
      <div class="waterfall-head">
        <div class="waterfall-tools" style={{ width: `${nameWidth}px` }}>
          {props.children}
        </div>
        <Minimap
          columns={columns}
          colours={colours}
          ink={ink}
          window={window}
          onWindow={(next) => onWindow(clampWindow(next, columns.bounds))}
        />
      </div>
      <AxisRow
        canvas={axis}
        onChoose={(from, to) =>
          onWindow(clampWindow({ startNs: toNs(scale, from), endNs: toNs(scale, to) }, columns.bounds))
        }
        onWhole={() => onWindow(columns.bounds)}
      />
      <div class="rows-area">
        <div
          ref={scroller}
          class="scroller"
          tabIndex={0}
          role="application"
          aria-label="Waterfall; a table of the rows on the screen follows"
          aria-activedescendant={selected >= 0 ? `row-${selected}` : undefined}
          title={
            (lanes !== undefined || hover.ns === undefined) && hover.span >= 0
              ? titleOf(columns, hover.span)
              : undefined
          }
          onScroll={(event) => setScrollTop(event.currentTarget.scrollTop)}
          onPointerDown={onPointerDown}
          onPointerMove={onPointerMove}
          onPointerUp={onPointerUp}
          onPointerLeave={() => setHover({ span: -1, ns: undefined })}
        >
          <canvas ref={canvas} class={hover.ns === undefined ? '' : 'timeline'} />
          <div style={{ height: `${Math.max(0, rowCount * ROW_HEIGHT - size.height + 8)}px` }} />
        </div>
        <Splitter
          at={nameWidth}
          onMove={(width) => {
            setNameWidth(width)
            keep(NAME_WIDTH.key, String(Math.round(width)))
          }}
        />
      </div>
      <RowTable
        columns={columns}
        rows={rows}
        first={first}
        last={last}
        selected={selected}
        collapsed={props.collapsed}
        path={props.path}
        ends={props.ends}
        onSelect={props.onSelect}
      />
    </div>
  )
}

/** For whoever measures the page: the first time that it was so. Marks of one name are few and small. */
function markOnce(name: string): void {
  if (performance.getEntriesByName(name).length === 0) performance.mark(name)
}

/** Names are cut to fit; the whole is told by the pointer. */
function titleOf(columns: TraceColumns, index: number): string {
  return `${canvasText(serviceOf(columns, index))} · ${canvasText(nameOf(columns, index))}`
}

function AxisRow({
  canvas,
  onChoose,
  onWhole,
}: {
  readonly canvas: { current: HTMLCanvasElement | null }
  readonly onChoose: (fromX: number, toX: number) => void
  readonly onWhole: () => void
}) {
  const from = useRef<number | undefined>(undefined)
  const xOf = (event: PointerEvent): number => event.clientX - canvas.current!.getBoundingClientRect().left
  return (
    <div class="axis" title="Drag to zoom, double click for the whole trace">
      <canvas
        ref={canvas}
        aria-hidden="true"
        onDblClick={onWhole}
        onPointerDown={(event) => {
          from.current = xOf(event)
          canvas.current!.setPointerCapture(event.pointerId)
        }}
        onPointerUp={(event) => {
          const start = from.current
          const end = xOf(event)
          from.current = undefined
          if (start !== undefined && Math.abs(end - start) > DRAG_MIN)
            onChoose(Math.min(start, end), Math.max(start, end))
        }}
      />
    </div>
  )
}

function Splitter({ at, onMove }: { readonly at: number; readonly onMove: (x: number) => void }) {
  const isHeld = useRef(false)
  return (
    <div
      class="splitter"
      role="separator"
      aria-orientation="vertical"
      aria-label="Width of the names"
      style={{ left: `${at - 3}px` }}
      onPointerDown={(event) => {
        isHeld.current = true
        event.currentTarget.setPointerCapture(event.pointerId)
      }}
      onPointerUp={() => {
        isHeld.current = false
      }}
      onPointerMove={(event) => {
        if (isHeld.current)
          onMove(event.clientX - event.currentTarget.parentElement!.getBoundingClientRect().left)
      }}
    />
  )
}
