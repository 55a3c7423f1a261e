// The policies that run, whom they hold, and a form for another one: as a dry run first, or run at once.

import type { PolicyDefinition, PolicyTypeView, PolicyView } from '#protocol'
import { useState } from 'preact/hooks'
import { removePolicy, setPolicy } from '../../base/control-api.ts'
import { Button, Select } from '../../widgets/controls.tsx'
import { Refused } from '../../widgets/notice.tsx'
import { Text } from '../../widgets/text.tsx'
import { definitionText, rate, readParams, readTargets } from './say.ts'

export function Policies({
  policies,
  types,
  tenants,
  onChanged,
}: {
  readonly policies: readonly PolicyView[]
  readonly types: readonly PolicyTypeView[]
  /** Names that a target can be given to. */
  readonly tenants: readonly string[]
  readonly onChanged: () => void
}) {
  const [failure, setFailure] = useState<Error>()
  const act = (what: Promise<unknown>): void => {
    setFailure(undefined)
    what.then(onChanged, (error: unknown) =>
      setFailure(error instanceof Error ? error : new Error(String(error))),
    )
  }
  return (
    <section class="policies" aria-label="Policies">
      <h2>Policies</h2>
      {policies.length === 0 && <p class="muted">None runs: nobody is held.</p>}
      <ul>
        {policies.map((policy) => (
          <Running key={policy.name} policy={policy} act={act} />
        ))}
      </ul>
      {failure !== undefined && <Refused error={failure} />}
      <NewPolicy types={types} tenants={tenants} act={act} onWrong={setFailure} />
    </section>
  )
}

type Act = (what: Promise<unknown>) => void

function Running({ policy, act }: { readonly policy: PolicyView; readonly act: Act }) {
  const { name, isStopped, dryRun = false, error, settings } = policy
  const held = settings.filter((one) => one.rate !== undefined)
  const definition = definitionOf(policy)
  return (
    <li class={`policy ${dryRun ? 'dry' : ''}`} data-policy={name}>
      <p class="policy-head">
        <b>
          <Text of={name} />
        </b>
        <span class="muted">
          <Text of={policy.policy} />
        </span>
        <span class={`policy-state ${isStopped ? 'error-mark' : ''}`}>
          {isStopped ? 'stopped' : dryRun ? 'dry run' : 'runs'}
        </span>
      </p>
      <p class="muted">
        <Text of={definitionText(policy)} />
      </p>
      {error !== undefined && (
        <p class="error-mark">
          <Text of={error} />
        </p>
      )}
      <p>
        {held.length === 0 ? (
          <span class="muted">{dryRun ? 'would hold nobody' : 'holds nobody'}</span>
        ) : (
          <>
            {dryRun ? 'would hold ' : 'holds '}
            <Text of={heldText(held)} />
          </>
        )}
      </p>
      <p class="row">
        <Button
          onClick={() => act(setPolicy(name, { ...definition, dryRun: !dryRun }))}
          title={dryRun ? 'From now on it holds whom it would hold' : 'It goes on, and holds nobody'}
        >
          {dryRun ? 'Run it' : 'Dry run'}
        </Button>
        <Button onClick={() => act(removePolicy(name))} title="Everybody it holds goes on">
          Remove
        </Button>
      </p>
    </li>
  )
}

/** What was set, without what it does: the body to set it again. */
function definitionOf({ policy, params, targets, points, dryRun }: PolicyView): PolicyDefinition {
  return {
    policy,
    ...(params === undefined ? {} : { params }),
    ...(targets === undefined ? {} : { targets }),
    ...(points === undefined ? {} : { points }),
    ...(dryRun === undefined ? {} : { dryRun }),
  }
}

const heldText = (held: PolicyView['settings']): string => {
  const shown = held.slice(0, HELD_SHOWN).map((one) => `${one.tenant} at ${one.point}: ${rate(one.rate)}`)
  const more = held.length - shown.length
  return shown.join(', ') + (more > 0 ? `, and ${more} more` : '')
}

const HELD_SHOWN = 6

function NewPolicy({
  types,
  tenants,
  act,
  onWrong,
}: {
  readonly types: readonly PolicyTypeView[]
  readonly tenants: readonly string[]
  readonly act: Act
  readonly onWrong: (error: Error) => void
}) {
  const [name, setName] = useState('slo')
  const [chosen, setChosen] = useState('latency-slo')
  const [targets, setTargets] = useState('')
  const [params, setParams] = useState('')
  const type = types.find(({ policy }) => policy === chosen) ?? types[0]
  if (type === undefined) return null
  const put = (dryRun: boolean): void => {
    const [wanted, given] = [readTargets(targets), readParams(params)]
    if (wanted === undefined)
      return onWrong(new Error('Targets read TENANT=200ms or TENANT=0.2s p99, with commas'))
    if (given === undefined) return onWrong(new Error('Parameters read NAME=NUMBER, with commas'))
    act(setPolicy(name, { policy: type.policy, targets: wanted, params: given, dryRun }))
  }
  return (
    <form
      class="new-policy"
      onSubmit={(event) => {
        event.preventDefault()
        put(true)
      }}
    >
      <h3>Set a policy</h3>
      <label>
        <span class="muted">Policy</span>
        <Select
          label="Policy"
          value={type.policy}
          options={types.map(({ policy }) => ({ value: policy, label: policy }))}
          onChange={setChosen}
        />
      </label>
      <p class="muted">
        <Text of={type.does} />
      </p>
      <Line label="Name" value={name} onInput={setName} hint="of your own" />
      {type.needsTargets && (
        <Line
          label="Targets"
          value={targets}
          onInput={setTargets}
          hint={`${tenants[0] ?? 'web'}=200ms, ${tenants[1] ?? 'paid'}=1s p99`}
        />
      )}
      <Line
        label="Parameters"
        value={params}
        onInput={setParams}
        hint={type.params.map((one) => `${one.name}=${one.value}`).join(', ')}
      />
      <dl class="muted">
        {type.params.map((one) => (
          <div key={one.name}>
            <dt class="mono">
              <Text of={one.name} />
            </dt>
            <dd>
              <Text of={`${one.says} (${one.value})`} />
            </dd>
          </div>
        ))}
      </dl>
      <p class="row">
        <Button kind="primary" onClick={() => put(true)} title="Shows what it would do, and holds nobody">
          Dry run
        </Button>
        <Button onClick={() => put(false)}>Run</Button>
      </p>
    </form>
  )
}

function Line({
  label,
  value,
  onInput,
  hint,
}: {
  readonly label: string
  readonly value: string
  readonly onInput: (value: string) => void
  readonly hint: string
}) {
  return (
    <label>
      <span class="muted">{label}</span>
      <span class="field">
        <input
          aria-label={label}
          value={value}
          placeholder={hint}
          spellcheck={false}
          onInput={(event) => onInput(event.currentTarget.value)}
        />
      </span>
    </label>
  )
}
