// The processes that talk to this server: who they are, what they sent, what went wrong, and which tools run
// in them.

import './system.css'
import type { AgentView } from '#protocol'
import { useEffect } from 'preact/hooks'
import { readAgents, readTools } from '../../base/api.ts'
import { useFacets } from '../../base/facets.tsx'
import { formatAge, formatAgo, formatBytes, formatCount, plural } from '../../base/format.ts'
import { AGENTS_REFRESH_MS } from '../../base/limits.ts'
import { serviceHues, type Theme } from '../../base/palette.ts'
import { useResource } from '../../base/resource.ts'
import { useTheme } from '../../base/theme.ts'
import { Command, Empty, ErrorNotice, Loading, StaleStrip } from '../../widgets/notice.tsx'
import { ServiceName } from '../../widgets/service.tsx'
import { Text } from '../../widgets/text.tsx'

export function SystemView() {
  const theme = useTheme()
  const agents = useResource('agents', (signal) => readAgents(signal), { refreshMs: AGENTS_REFRESH_MS })
  const tools = useResource('tools', (signal) => readTools(signal), { refreshMs: AGENTS_REFRESH_MS * 5 })
  useEffect(() => {
    document.title = 'System · Crosscut'
  }, [])
  if (agents.value === undefined)
    return agents.error ? (
      <ErrorNotice error={agents.error} onRetry={agents.reload} />
    ) : (
      <Loading what="processes" />
    )
  const rows = [...agents.value].sort(
    (a, b) => Number(b.isConnected) - Number(a.isConnected) || compare(a.service, b.service) || a.pid - b.pid,
  )
  return (
    <div class="system">
      {agents.error && <StaleStrip error={agents.error} onRetry={agents.reload} />}
      <header class="system-head">
        <h1>System</h1>
        <Totals agents={rows} />
        <span class="grow" />
        {tools.value !== undefined && (
          <span class="tools">
            <span class="muted">{tools.value.length === 0 ? 'No tool deployed' : 'Tools'}</span>
            {tools.value.map((tool) => (
              <span class="tool" key={tool.name}>
                <Text of={tool.name} />
                {tool.version !== undefined && <span class="muted">v{tool.version}</span>}
              </span>
            ))}
          </span>
        )}
      </header>
      {rows.length === 0 ? <NoAgents /> : <AgentTable rows={rows} theme={theme} />}
    </div>
  )
}

function NoAgents() {
  return (
    <Empty title="No process with our agent is connected">
      <p class="muted">
        Services with an OpenTelemetry SDK need none: their traces show up all the same.
        <br />
        The agent adds exact causality and live tools.
      </p>
      <div class="ways">
        <Command title="Start a Node application with the agent" text="npx crosscut run -- node app.js" />
      </div>
    </Empty>
  )
}

function Totals({ agents }: { readonly agents: readonly AgentView[] }) {
  const sum = (of: (agent: AgentView) => number): number =>
    agents.reduce((total, agent) => total + of(agent), 0)
  const dropped = sum((agent) => agent.report?.spans.dropped ?? 0)
  return (
    <p class="totals">
      <span>
        <b>{agents.filter((agent) => agent.isConnected).length}</b> of{' '}
        {plural(agents.length, 'process', 'processes')} connected
      </span>
      <span>
        <b>{formatCount(sum((agent) => agent.report?.spans.sent ?? 0))}</b> spans sent
      </span>
      <span class={dropped > 0 ? 'error-mark' : 'muted'}>{formatCount(dropped)} dropped</span>
    </p>
  )
}

function AgentTable({ rows, theme }: { readonly rows: readonly AgentView[]; readonly theme: Theme }) {
  const { services } = useFacets()
  const hues = serviceHues(
    rows.map((row) => row.service),
    services,
  )
  const nowMs = Date.now()
  return (
    <div class="system-scroll">
      <table class="table agents" aria-label="Processes">
        <thead>
          <tr>
            <th>Process</th>
            <th>Host</th>
            <th class="right">pid</th>
            <th>Node</th>
            <th class="right">Up</th>
            <th class="right">Spans sent</th>
            <th class="right">Dropped</th>
            <th class="right">Queued</th>
            <th class="right">Loop p99</th>
            <th class="right">Memory</th>
            <th>Last error</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.agent} class={row.isConnected ? '' : 'gone'}>
              <td>
                <span
                  class={`state ${row.isConnected ? 'on' : 'off'}`}
                  title={row.isConnected ? 'connected' : `last seen ${formatAgo(nowMs - row.lastSeenMs)}`}
                />
                <ServiceName name={row.service} hue={hues.get(row.service) ?? 0} theme={theme} />
                {!row.isConnected && <span class="muted"> gone {formatAgo(nowMs - row.lastSeenMs)}</span>}
              </td>
              <td>
                <Text of={row.host} />
              </td>
              <td class="right mono">{row.pid}</td>
              <td>
                <Text of={row.nodeVersion.replace(/^v/, '')} />
              </td>
              <td class="right">{formatAge(nowMs - row.startedMs)}</td>
              <ReportCells agent={row} nowMs={nowMs} />
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function ReportCells({ agent, nowMs }: { readonly agent: AgentView; readonly nowMs: number }) {
  const { report } = agent
  if (report === undefined)
    return (
      <td colSpan={6} class="muted">
        no report yet
      </td>
    )
  const reasons = Object.entries(report.drops)
    .map(([reason, count]) => `${reason}: ${count}`)
    .join('\n')
  return (
    <>
      <td class="right">{formatCount(report.spans.sent)}</td>
      <td class={`right${report.spans.dropped > 0 ? ' error-mark' : ''}`} title={reasons}>
        {formatCount(report.spans.dropped)}
      </td>
      <td class="right">{formatCount(report.spans.queued)}</td>
      <td class="right">{report.eventLoopDelayMsP99.toFixed(1)} ms</td>
      <td class="right">{formatBytes(report.rssBytes)}</td>
      <td class="last-error">
        {report.lastError && (
          <>
            <span class="error-mark">
              <Text of={report.lastError.code} />
            </span>{' '}
            <Text of={report.lastError.message} />
            <span class="muted"> {formatAgo(nowMs - report.lastError.timeMs)}</span>
          </>
        )}
      </td>
    </>
  )
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
