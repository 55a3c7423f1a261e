// The keyboard on one card.

import { useEffect, useRef } from 'preact/hooks'
import { IconButton, Kbd } from '../../widgets/controls.tsx'

const GROUPS: readonly {
  readonly title: string
  readonly keys: readonly (readonly [keys: string, what: string])[]
}[] = [
  {
    title: 'Everywhere',
    keys: [
      ['?', 'this help'],
      ['g t', 'traces'],
      ['g s', 'system'],
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
      ['c', 'critical path'],
      ['r', 'arrows'],
    ],
  },
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
        </div>
        <p class="muted">
          In a trace: drag across the time axis or the overview to zoom, Ctrl + wheel zooms at the pointer,
          Shift + wheel moves in time.
        </p>
      </div>
    </dialog>
  )
}
