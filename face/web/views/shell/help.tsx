// The keyboard on one card, and what the marks of a waterfall mean.

import { useEffect, useRef } from 'preact/hooks'
import { IconButton, Kbd } from '../../widgets/controls.tsx'
import { PLACES } from './places.ts'

const GROUPS: readonly {
  readonly title: string
  readonly keys: readonly (readonly [keys: string, what: string])[]
}[] = [
  {
    title: 'Everywhere',
    keys: [
      ['?', 'this help'],
      ...PLACES.map(({ key, label }) => [`g ${key}`, label.toLowerCase()] as const),
      ['/', 'search or filter'],
      ['Esc', 'leave, close'],
    ],
  },
  {
    title: 'List',
    keys: [
      ['j k', 'next, previous trace'],
      ['Enter', 'open it'],
      ['p', 'pause or follow'],
      ['x', 'only errors'],
    ],
  },
  {
    title: 'Trace',
    keys: [
      ['j k', 'next, previous span'],
      ['h l', 'collapse, expand'],
      ['Enter', 'details'],
      ['w s', 'zoom in, out'],
      ['a d', 'move in time'],
      ['f', 'zoom to the span'],
      ['0', 'whole trace'],
      ['e', 'next error'],
      ['n N', 'next, previous match'],
      ['1 2 3 4', 'waterfall, lanes, flame, compare'],
      ['c', 'critical path'],
      ['v V', 'path from its begin, end'],
      ['b B', 'path to its end, begin'],
      ['x', 'path of the whole trace'],
      ['r', 'arrows'],
    ],
  },
  {
    title: 'Query',
    keys: [
      ['Ctrl+⏎', 'run the text, a cell, save a definition'],
      ['Ctrl+S', 'save a notebook'],
      ['1-5', 'plan, table, pivot, over time, heatmap'],
      ['← →', 'move the crosshair of a picture'],
    ],
  },
  {
    title: 'Dataset',
    keys: [
      ['1-5', 'over time, heatmap, groups, rows, compare'],
      ['/', 'a condition on the rows'],
      ['⇧+arrows', 'choose a region of a picture'],
      ['Enter', 'what is different there'],
      ['Esc', 'clear the region'],
    ],
  },
]

/** Names of the classes that draw each mark, and its meaning. */
const MARKS: readonly (readonly [mark: string, what: string])[] = [
  ['bar', 'a service at work'],
  ['bar faint', 'a call, waiting for the other side'],
  ['bar path', 'on the critical path'],
  ['arrow join', 'join: this waited for that'],
  ['arrow barrier', 'barrier: one result shared by two requests'],
  ['arrow queue', 'handed over by a queue or a timer'],
  ['arrow link', 'an OpenTelemetry link'],
]

export function Help({ onClose }: { readonly onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    dialog.current?.showModal()
  }, [])
  return (
    <dialog
      ref={dialog}
      class="help"
      aria-label="Keyboard"
      onClose={onClose}
      onClick={(event) => {
        if (event.target === dialog.current) onClose()
      }}
    >
      <div class="help-card">
        <header>
          <h2>Keyboard</h2>
          <IconButton icon="close" label="Close" onClick={onClose} />
        </header>
        <div class="help-groups">
          {GROUPS.map((group) => (
            <section key={group.title}>
              <h3>{group.title}</h3>
              <dl>
                {group.keys.map(([keys, what]) => (
                  <div key={keys}>
                    <dt>
                      {keys.split(' ').map((key) => (
                        <Kbd key={key}>{key}</Kbd>
                      ))}
                    </dt>
                    <dd>{what}</dd>
                  </div>
                ))}
              </dl>
            </section>
          ))}
          <section class="help-marks">
            <h3>Waterfall</h3>
            <dl>
              {MARKS.map(([mark, what]) => (
                <div key={mark}>
                  <dt>
                    <span class={`mark ${mark}`} aria-hidden="true" />
                  </dt>
                  <dd>{what}</dd>
                </div>
              ))}
            </dl>
          </section>
        </div>
        <p class="muted">
          In a trace: drag across the time axis or the overview to zoom, Ctrl + wheel zooms at the pointer,
          Shift + wheel moves in time; Shift + click on a bar chooses where the critical path begins, then
          where it ends.
        </p>
      </div>
    </dialog>
  )
}
