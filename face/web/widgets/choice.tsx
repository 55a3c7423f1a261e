// One thing that can be chosen of a view. A choice is a parameter of the address.

import { changeQuery } from '../base/route.ts'
import { Select } from './controls.tsx'

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
