// What a query will do, as a picture: tracepoints, what flows from one to the next, what comes out.

import type { Explanation } from '#query'
import { Text } from '../../widgets/text.tsx'

export function ExplainPanel({ explanation }: { readonly explanation: Explanation }) {
  const { flows, columns, cost, bytesPerRequest, text, plan } = explanation
  const root = flows.at(0)?.to ?? explanation.advice[0]!.tracepoint.split(',')
  return (
    <section class="explain" aria-label="What it does">
      <ol class="flow">
        {flows.toReversed().map(({ from, alias, kind, isOuter, packs }) => (
          <li key={alias}>
            <div class="flow-point">
              {from.map((name) => (
                <code key={name}>
                  <Text of={name} />
                </code>
              ))}
              <span class="muted">
                <Text of={alias} />
                {kind === 'first' ? ' · first' : kind === 'recent' ? ' · most recent' : ''}
                {isOuter ? ' · if any' : ''}
              </span>
            </div>
            <p class="flow-packs">
              <span class="muted">packs</span>{' '}
              <Text of={packs.length === 0 ? 'that it happened' : packs.join(', ')} />
            </p>
          </li>
        ))}
        <li>
          <div class="flow-point root">
            {root.map((name) => (
              <code key={name}>
                <Text of={name} />
              </code>
            ))}
          </div>
          <p class="flow-packs">
            <span class="muted">shows</span> <Text of={columns.join(', ')} />
          </p>
        </li>
      </ol>
      <p class="muted explain-cost">
        At most {cost} units of about 50 ns a hit
        {bytesPerRequest > 0 && `, about ${bytesPerRequest} bytes of baggage a request`}.
      </p>
      <details>
        <summary>Plan and advice</summary>
        <h3>As written</h3>
        <pre>
          <Text of={plan.before} />
        </pre>
        <h3>As it runs</h3>
        <pre>
          <Text of={plan.after} />
        </pre>
        <h3>Advice</h3>
        <pre>
          <Text of={text} />
        </pre>
      </details>
    </section>
  )
}
