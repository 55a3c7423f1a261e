// Choices that more than one picture of a query has.

import { Choice } from '../../widgets/choice.tsx'

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
