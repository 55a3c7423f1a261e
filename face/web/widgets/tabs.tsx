// Views of one thing, of which one is shown: arrow keys go to the neighbours.

export type Tab<T extends string> = {
  readonly id: T
  readonly label: string
  readonly title: string
  readonly isOpen: boolean
}

export function Tabs<T extends string>({
  label,
  tabs,
  chosen,
  onChoose,
}: {
  readonly label: string
  readonly tabs: readonly Tab<T>[]
  readonly chosen: T
  readonly onChoose: (id: T) => void
}) {
  const onKeyDown = (event: KeyboardEvent): void => {
    const open = tabs.filter(({ isOpen }) => isOpen)
    const at = open.findIndex(({ id }) => id === chosen)
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0
    const next = open[(at + step + open.length) % open.length]
    if (step === 0 || next === undefined || next.id === chosen) return
    event.preventDefault()
    onChoose(next.id)
    const list = event.currentTarget
    if (list instanceof HTMLElement)
      requestAnimationFrame(() => list.querySelector<HTMLElement>('[aria-selected="true"]')?.focus())
  }
  return (
    <div class="tabs" role="tablist" aria-label={label} onKeyDown={onKeyDown}>
      {tabs.map(({ id, label: name, title, isOpen }) => (
        <button
          key={id}
          type="button"
          role="tab"
          aria-selected={id === chosen}
          tabIndex={id === chosen ? 0 : -1}
          disabled={!isOpen}
          title={title}
          onClick={() => onChoose(id)}
        >
          {name}
        </button>
      ))}
    </div>
  )
}
