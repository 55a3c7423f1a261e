// Small things to press.

import type { ComponentChildren } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { Icon, type IconName } from './icon.tsx'

export function IconButton({
  icon,
  label,
  onClick,
  isOn,
  disabled,
}: {
  readonly icon: IconName
  readonly label: string
  readonly onClick: () => void
  readonly isOn?: boolean
  readonly disabled?: boolean
}) {
  return (
    <button
      type="button"
      class={`icon-button${isOn ? ' on' : ''}`}
      title={label}
      aria-label={label}
      aria-pressed={isOn}
      disabled={disabled}
      onClick={onClick}
    >
      <Icon name={icon} />
    </button>
  )
}

export function Button({
  children,
  onClick,
  isOn,
  icon,
  title,
  kind = 'plain',
  isDisabled = false,
}: {
  readonly children: ComponentChildren
  readonly onClick: () => void
  readonly isOn?: boolean
  readonly icon?: IconName
  readonly title?: string
  readonly kind?: 'plain' | 'primary'
  readonly isDisabled?: boolean
}) {
  return (
    <button
      type="button"
      class={`button ${kind}${isOn ? ' on' : ''}`}
      title={title}
      aria-pressed={isOn}
      disabled={isDisabled}
      onClick={onClick}
    >
      {icon && <Icon name={icon} size={13} />}
      {children}
    </button>
  )
}

/** One of a few, as the browser offers it: keyboard and touch come with it. */
export function Select({
  label,
  value,
  options,
  onChange,
}: {
  readonly label: string
  readonly value: string
  readonly options: readonly { readonly value: string; readonly label: string }[]
  readonly onChange: (value: string) => void
}) {
  return (
    <span class="select">
      <select
        class="button plain"
        aria-label={label}
        value={value}
        onChange={(event) => onChange(event.currentTarget.value)}
      >
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
      <Icon name="down" size={12} />
    </span>
  )
}

const COPIED_MS = 1_200

/** Copies text; get() is asked at the click, so that large texts are made only when wanted. */
export function CopyButton({
  get,
  label,
  children,
}: {
  readonly get: () => string
  readonly label: string
  readonly children?: ComponentChildren
}) {
  const [isCopied, setCopied] = useState(false)
  useEffect(() => {
    if (!isCopied) return
    const timer = setTimeout(() => setCopied(false), COPIED_MS)
    return () => clearTimeout(timer)
  }, [isCopied])
  const onClick = (): void => void copyText(get()).then(setCopied)
  return (
    <button
      type="button"
      class={children ? 'button plain' : 'icon-button'}
      title={label}
      aria-label={label}
      onClick={onClick}
    >
      <Icon name={isCopied ? 'check' : 'copy'} size={13} />
      {children}
    </button>
  )
}

/** The clipboard API exists on https and localhost only; elsewhere the old way still works. */
async function copyText(text: string): Promise<boolean> {
  if (navigator.clipboard !== undefined) {
    const written = await navigator.clipboard.writeText(text).then(
      () => true,
      () => false,
    )
    if (written) return true
  }
  const area = document.createElement('textarea')
  area.value = text
  document.body.append(area)
  area.select()
  const isDone = document.execCommand('copy')
  area.remove()
  return isDone
}

export function Kbd({ children }: { readonly children: ComponentChildren }) {
  return <kbd>{children}</kbd>
}
