// What a query does, as a picture: a box for each node of the plan, time to the right. An arrow is "happened
// before": what rides along it stands on it, what is asked and folded stands in the box where it is done.
//
//   [ tracepoint  ] ──packs──► [ tracepoint ] ──packs──► [ tracepoint ] ──► rows
//   [ in services ]
//   [ asks, folds ]
//
// "As written" is the same query before rewriting: everything is asked and counted at the end, and each tuple
// carries all that is read there.

import type { Explanation, Stage } from '#query'
import type { QueryResults } from '#protocol'
import type { Tracepoint } from '../../base/api.ts'
import { useFacets } from '../../base/facets.tsx'
import { formatBytes, formatCount, formatDuration, plural } from '../../base/format.ts'
import { serviceHues } from '../../base/palette.ts'
import { changeQuery } from '../../base/route.ts'
import { useTheme } from '../../base/theme.ts'
import { shortText } from '../../base/value-text.ts'
import { visibleText } from '../../base/text.ts'
import { Icon } from '../../widgets/icon.tsx'
import { ServiceName } from '../../widgets/service.tsx'
import { Text } from '../../widgets/text.tsx'
import { runsPerSecond, type Snapshot } from './snapshots.ts'

/** A unit of static cost, on the machine where it was measured. */
const UNIT_NS = 50

export type Running = { readonly results: QueryResults; readonly past: readonly Snapshot[] }

export function Plan({
  explanation,
  vocabulary,
  running,
  isAsWritten,
}: {
  readonly explanation: Explanation
  readonly vocabulary: readonly Tracepoint[]
  /** The same text, while it runs. */
  readonly running: Running | undefined
  readonly isAsWritten: boolean
}) {
  const { stages, columns, text, plan, schema } = explanation
  const stage = isAsWritten ? stages.before : stages.after
  const hasJoins = stages.after.inputs.length > 0
  const saved = bytesOf(stages.before) - bytesOf(stages.after)
  return (
    <section class="plan" aria-label="What it does">
      <div class="query-choices">
        {hasJoins && (
          <span class="segments" role="group" aria-label="Plan">
            <Segment label="As it runs" isOn={!isAsWritten} value={undefined} />
            <Segment label="As written" isOn={isAsWritten} value="written" />
          </span>
        )}
        <Costs explanation={explanation} stage={stage} isAsWritten={isAsWritten} saved={saved} />
      </div>
      {running !== undefined && <LiveUse running={running} />}
      <div class="plan-scroll" tabIndex={0} role="group" aria-label="Picture of the plan">
        <div class="plan-tree">
          <Node stage={stage} vocabulary={vocabulary} running={running} isRoot />
          <Arrow lines={[]} />
          <div class="plan-box plan-rows">
            <h3>rows</h3>
            <ul>
              {columns.map((column) => (
                <li key={column}>
                  <code>
                    <Text of={column} />
                  </code>
                </li>
              ))}
            </ul>
          </div>
        </div>
      </div>
      <details class="plan-text">
        <summary>Plan and advice as text</summary>
        <div class="plan-texts">
          <Printed title="As written" text={plan.before} />
          <Printed title="As it runs" text={plan.after} />
          <Printed title="Advice" text={text} />
          {schema !== '' && <Printed title="Bag that rides in the baggage" text={schema} />}
        </div>
      </details>
    </section>
  )
}

function Segment({
  label,
  isOn,
  value,
}: {
  readonly label: string
  readonly isOn: boolean
  readonly value: string | undefined
}) {
  return (
    <button type="button" aria-pressed={isOn} onClick={() => changeQuery({ plan: value }, { replace: true })}>
      {label}
    </button>
  )
}

function Costs({
  explanation: { cost, bytesPerRequest },
  stage,
  isAsWritten,
  saved,
}: {
  readonly explanation: Explanation
  readonly stage: Stage
  readonly isAsWritten: boolean
  readonly saved: number
}) {
  return (
    <p class="plan-costs">
      {isAsWritten ? (
        <span>
          <b>{formatBytes(bytesOf(stage))}</b> of tuples a request
        </span>
      ) : (
        <span>
          at most <b>{formatDuration(BigInt(Math.round(cost * UNIT_NS)))}</b> a hit
        </span>
      )}
      {!isAsWritten && bytesPerRequest > 0 && (
        <span>
          about <b>{formatBytes(bytesPerRequest)}</b> of baggage a request
        </span>
      )}
      {!isAsWritten && saved > 0 && <span class="ok-mark">{formatBytes(saved)} less than as written</span>}
      {bytesPerRequest === 0 && <span class="muted">nothing rides in the baggage</span>}
    </p>
  )
}

const bytesOf = (stage: Stage): number =>
  stage.inputs.reduce((sum, input) => sum + bytesOf(input), stage.bytes)

function LiveUse({ running: { results, past } }: { readonly running: Running }) {
  const { use, coverage } = results
  const runs = runsPerSecond(past)
  const facts: readonly (readonly [value: string, of: string])[] = [
    [runs === undefined ? '…' : shortText(Number(runs.toFixed(1))), 'runs a second'],
    [use.runs > 0 && use.ns > 0 ? formatDuration(BigInt(Math.round(use.ns / use.runs))) : '–', 'a run'],
    results.plan.kind === 'recorded'
      ? ['on the server', 'events are joined']
      : [formatBytes(use.packedBytes), 'packed at most'],
    [String(coverage.functions), coverage.functions === 1 ? 'woven function' : 'woven functions'],
    [`${coverage.installed} of ${coverage.connected}`, 'processes'],
  ]
  return (
    <dl class="plan-live" aria-label="While it runs">
      {facts.map(([value, of]) => (
        <div key={of}>
          <dd>{value}</dd>
          <dt>{of}</dt>
        </div>
      ))}
    </dl>
  )
}

type NodeProps = {
  readonly stage: Stage
  readonly vocabulary: readonly Tracepoint[]
  readonly running: Running | undefined
  readonly isRoot?: boolean
}

function Node({ stage, vocabulary, running, isRoot = false }: NodeProps) {
  return (
    <div class="plan-node">
      {stage.inputs.length > 0 && (
        <ul class="plan-inputs">
          {stage.inputs.map((input) => (
            <li key={input.alias}>
              <Node stage={input} vocabulary={vocabulary} running={running} />
              <Arrow lines={ridingOf(input)} />
            </li>
          ))}
        </ul>
      )}
      <Box stage={stage} vocabulary={vocabulary} running={running} isRoot={isRoot} />
    </div>
  )
}

/** What rides along the arrow from a node. */
function ridingOf({ values, folds, bytes }: Stage): readonly string[] {
  const all = [...values, ...folds]
  return [all.length === 0 ? 'that it happened' : all.join(', '), `~${bytes} B`]
}

function Arrow({ lines }: { readonly lines: readonly string[] }) {
  return (
    <div class="plan-arrow">
      {lines.length > 0 && (
        <span>
          <span class="muted">packs</span> <Breaking of={lines[0] ?? ''} />
        </span>
      )}
      <i aria-hidden="true" />
      {lines.length > 1 && <span class="muted">{lines[1]}</span>}
    </div>
  )
}

function Box({ stage, vocabulary, running, isRoot }: NodeProps) {
  const { alias, tracepoints, kind, count, isOuter, observes, conditions, values, folds, cost } = stage
  const isGrouping = isRoot && folds.length > 0
  return (
    <article class={`plan-box${isRoot ? ' root' : ''}`}>
      <header>
        {tracepoints.map((name) => (
          <code key={name}>
            <Breaking of={name} />
          </code>
        ))}
        <span class="muted">
          <Text of={alias} />
          {kind === 'first' ? ` · first${count > 1 ? ` ${count}` : ''}` : ''}
          {kind === 'recent' ? ` · most recent${count > 1 ? ` ${count}` : ''}` : ''}
          {isOuter ? ' · if any' : ''}
        </span>
      </header>
      <Where stage={stage} vocabulary={vocabulary} />
      <dl>
        {observes.length > 0 && <Fact term="reads" items={observes} />}
        {conditions.length > 0 && <Fact term="asks" items={conditions.map(withoutParentheses)} />}
        {isGrouping && values.length > 0 && <Fact term="groups by" items={values} />}
        {folds.length > 0 && <Fact term="folds" items={folds} />}
        {isRoot && folds.length === 0 && <Fact term="shows" items={values} />}
      </dl>
      <Missed stage={stage} running={running} />
      {cost !== null && (
        <footer class="muted">≤ {formatDuration(BigInt(Math.round(cost * UNIT_NS)))} a hit</footer>
      )}
    </article>
  )
}

const withoutParentheses = (text: string): string => (/^\([^()]*\)$/.test(text) ? text.slice(1, -1) : text)

function Fact({ term, items }: { readonly term: string; readonly items: readonly string[] }) {
  return (
    <div>
      <dt>{term}</dt>
      <dd>
        {items.map((item) => (
          <code key={item}>
            <Breaking of={item} />
          </code>
        ))}
      </dd>
    </div>
  )
}

/** Services in a box: more are counted. */
const SERVICES_MAX = 3

/** The services whose processes have the tracepoint. */
function Where({
  stage: { tracepoints },
  vocabulary,
}: {
  readonly stage: Stage
  readonly vocabulary: readonly Tracepoint[]
}) {
  const theme = useTheme()
  const known = useFacets().services
  if (vocabulary.length === 0) return null
  const services = servicesOf(tracepoints, vocabulary)
  if (services.length === 0)
    return (
      <p class="plan-where warn-mark">
        <Icon name="error" size={12} /> no connected process has it
      </p>
    )
  const hues = serviceHues(services, known)
  const shown = services.length > SERVICES_MAX + 1 ? services.slice(0, SERVICES_MAX) : services
  return (
    <p class="plan-where" title={visibleText(services.join(', '))}>
      {shown.map((name) => (
        <ServiceName key={name} name={name} hue={hues.get(name) ?? 0} theme={theme} />
      ))}
      {shown.length < services.length && (
        <span class="muted">and {formatCount(services.length - shown.length)} more</span>
      )}
    </p>
  )
}

function servicesOf(names: readonly string[], vocabulary: readonly Tracepoint[]): readonly string[] {
  const patterns = names.map(patternOf)
  const found = vocabulary.filter(({ name }) => patterns.some((pattern) => pattern.test(name)))
  return [...new Set(found.flatMap(({ services }) => services))].sort()
}

/** `@return`, `@17` and the like are moments of a function that is known by its name alone. */
function patternOf(name: string): RegExp {
  const [place = ''] = name.split('@')
  const escaped = place
    .split(/(\*\*|\*)/)
    .map((part) =>
      part === '**' ? '.*' : part === '*' ? '[^/]*' : part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'),
    )
  return new RegExp(`(^|/)${escaped.join('')}$`)
}

/** Where its advice should be and is not. */
function Missed({ stage, running }: { readonly stage: Stage; readonly running: Running | undefined }) {
  const missed = (running?.results.coverage.missed ?? []).filter(({ tracepoint }) =>
    stage.tracepoints.some((name) => name === tracepoint || tracepoint.startsWith(name)),
  )
  if (missed.length === 0) return null
  return (
    <ul class="plan-missed">
      {missed.map(({ tracepoint, reason, agents }) => (
        <li key={`${tracepoint} ${reason}`} class="warn-mark">
          <Text of={`not in ${plural(agents, 'process', 'processes')}: ${reason}`} />
        </li>
      ))}
    </ul>
  )
}

/** A name that may break behind its separators, before it must anywhere. */
function Breaking({ of }: { readonly of: string }) {
  return (
    <>
      {of.split(/(?<=[/:,(])/).map((part, i) => (
        <span key={i}>
          <Text of={part} />
          <wbr />
        </span>
      ))}
    </>
  )
}

function Printed({ title, text }: { readonly title: string; readonly text: string }) {
  return (
    <figure>
      <figcaption class="muted">{title}</figcaption>
      <pre>
        <Text of={text} />
      </pre>
    </figure>
  )
}
