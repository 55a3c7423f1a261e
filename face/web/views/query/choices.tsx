// What can be chosen of a view, as a line of selects. A choice is a parameter of the address.

import { changeQuery } from '../../base/route.ts'
import { Select } from '../../widgets/controls.tsx'

export function Choice({
  label,
  name,
  value,
  options,
}: {
  readonly label: string
  /** The parameter. */
  readonly name: string
  readonly value: string
  readonly options: readonly (string | { readonly value: string; readonly label: string })[]
}) {
  return (
    <label class="choice">
      <span class="muted">{label}</span>
      <Select
        label={label}
        value={value}
        options={options.map((one) => (typeof one === 'string' ? { value: one, label: one } : one))}
        onChange={(chosen) => changeQuery({ [name]: chosen }, { replace: true })}
      />
    </label>
  )
}

/** As it stands or a second: only what grows has a rate. */
export function RateChoice({ isRate }: { readonly isRate: boolean }) {
  return (
    <Choice
      label="As"
      name="as"
      value={isRate ? 'rate' : 'total'}
      options={[
        { value: 'total', label: 'total' },
        { value: 'rate', label: 'a second' },
      ]}
    />
  )
}
