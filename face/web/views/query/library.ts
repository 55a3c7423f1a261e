// Questions to begin with: some for most systems of HTTP services, then those of the paper for the demo.

import { LIBRARY as PAPER } from '#query'

export type Example = {
  readonly title: string
  readonly text: string
  /** How its rows are best looked at, as in the address; undefined = a table. */
  readonly view?: string
}

export const LIBRARY: readonly Example[] = [
  {
    title: 'Requests and latency of each service',
    text: `From r In http.server.request.end
GroupBy r.service
Select r.service As service, COUNT, P50(r.durationMs) As p50, P99(r.durationMs) As p99`,
  },
  {
    title: 'What the front door causes behind it',
    text: `From call In http.server.request.start
Join front In First(http.server.request.start) On front -> call
Where call.service != front.service
GroupBy front.path, call.service
Select front.path As path, call.service As service, COUNT
Top 25`,
    view: 'pivot',
  },
  {
    title: 'Who calls whom, and how long the caller waits',
    text: `From answer In http.client.response
GroupBy answer.service, answer.host
Select answer.service As caller, answer.host As called, COUNT, AVERAGE(answer.durationMs) As mean_ms`,
    view: 'pivot',
  },
  {
    title: 'How latency is spread, second by second',
    text: `From r In http.server.request.end
GroupBy r.service
Select r.service As service, COUNT, HISTOGRAM(r.durationMs) As latency`,
    view: 'heat',
  },
  {
    title: 'Latency between a request and its answer',
    text: `From response In http.server.response
Join request In MostRecent(http.server.request.start) On request -> response
GroupBy response.service
Select response.service As service, COUNT, AVERAGE(response.time - request.time) / 1ms As ms`,
  },
  {
    title: 'Errors, by who first asked',
    text: `From answer In http.server.response
Join front In First(http.server.request.start) On front -> answer
Where answer.status >= 500
GroupBy front.path, answer.service, answer.status
Select front.path As path, answer.service As service, answer.status As status, COUNT`,
  },
  {
    title: 'Load over time, a row for each second',
    text: `From r In http.server.request.start
GroupBy r.service
Select r.service As service, COUNT
Every 1s`,
    view: 'lines',
  },
  {
    title: 'Garbage collections of each service',
    text: `From g In node.gc
GroupBy g.service, g.kind
Select g.service As service, g.kind As kind, COUNT, SUM(g.durationMs) As ms`,
  },
  ...PAPER.map(({ title, text }) => ({ title, text })),
]

/** Texts that others join by their names. */
export const LIBRARY_VIEWS: Readonly<Record<string, string>> = Object.fromEntries(
  PAPER.flatMap(({ view, text }) => (view === undefined ? [] : [[view, text]])),
)

/** Of those, the ones that a text names. */
export function viewsIn(text: string): readonly string[] {
  const words = new Set(text.split(/\W+/))
  return Object.keys(LIBRARY_VIEWS).filter((name) => words.has(name))
}
