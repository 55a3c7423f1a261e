// What `doctor` says of the processes that run the agent: the worst first thing that keeps the spans of each
// from arriving.

import type { AgentReport, AgentView } from '#protocol'
import { asTyped } from '../install.ts'
import { ago } from '../text.ts'
import type { Finding } from './doctor.ts'

const CHECK = 'agent'

export function agentFindings(agents: readonly AgentView[]): Finding[] {
  const run = `${asTyped()} run -- node app.js`
  if (agents.length === 0) {
    return [
      {
        check: 'agents',
        state: 'warn',
        says: 'no agent has said hello',
        fix: `start the program with: ${run}   (services with another OpenTelemetry SDK need none)`,
      },
    ]
  }
  const isSpanSeen = agents.some(({ report }) => (report?.spans.emitted ?? 0) > 0)
  return [
    ...agents.map((agent) => agentFinding(agent, isSpanSeen)),
    {
      check: 'agents',
      state: 'ok',
      says: `a program that is not listed runs without the agent; start it with: ${run}`,
    },
  ]
}

function agentFinding(
  { service, pid, isConnected, lastSeenMs, report, nodeVersion }: AgentView,
  isSpanSeen: boolean,
): Finding {
  const end = isConnected ? '' : `, gone ${ago(Date.now() - lastSeenMs)}`
  const who = `${service} (pid ${pid}, Node ${nodeVersion}${end})`
  if (report !== undefined) return reportFinding(who, report, isSpanSeen)
  const state = isConnected || isSpanSeen ? 'ok' : 'warn'
  const fix = 'it ended within moments: let it run longer, or exit without process.exit()'
  return { check: CHECK, state, says: `${who} has not reported`, ...(state === 'ok' ? {} : { fix }) }
}

function reportFinding(
  who: string,
  { spans, drops, budget, lastError }: AgentReport,
  isSpanSeen: boolean,
): Finding {
  const { emitted, sent, dropped } = spans
  const silence = Object.keys(drops).find((reason) => reason.startsWith('silenced by '))
  const error =
    lastError === undefined ? '' : `; last error ${lastError.where}: ${lastError.code} ${lastError.message}`
  const counts = `${emitted} spans made, ${sent} sent, ${dropped} dropped${reasonsOf(drops)}${error}`
  if (silence !== undefined) {
    const [name = ''] = silence.slice('silenced by '.length).split('=')
    const fix = `unset ${name} where that program is started, and start it again`
    return { check: CHECK, state: 'fail', says: `${who} is ${silence}`, fix }
  }
  if (budget.isTripped) {
    const says = `${who} stopped its advice: over budget`
    return { check: CHECK, state: 'fail', says, fix: `${asTyped()} tool ls` }
  }
  if (emitted === 0) {
    if (isSpanSeen && lastError === undefined) {
      const says = `${who} made no spans: it served no request (npm and other starters never do)`
      return { check: CHECK, state: 'ok', says }
    }
    const fix = 'has it served a request? is the agent the first --import?'
    return { check: CHECK, state: 'warn', says: `${who} made no spans${error}`, fix }
  }
  if (sent === 0 || dropped > 0) {
    const fix = 'is its OTEL_EXPORTER_OTLP_ENDPOINT the address that stands at `otlp` above?'
    return { check: CHECK, state: sent === 0 ? 'fail' : 'warn', says: `${who}: ${counts}`, fix }
  }
  return { check: CHECK, state: 'ok', says: `${who}: ${counts}` }
}

function reasonsOf(drops: AgentReport['drops']): string {
  const reasons = Object.entries(drops).map(([reason, count]) => `${reason} ${count}`)
  return reasons.length === 0 ? '' : ` (${reasons.join(', ')})`
}
