// Features as people ask for them, as many as a bench wants: of the whole trace, per service how often, how
// long, how long alone, how long on the critical path, how many failed; then statistics of single operations.

const OF_SERVICE = [
  'Count',
  'Duration | Sum',
  'Duration | P99',
  'ExclusiveDuration | Sum',
  'CriticalDuration | Sum',
  'Filter(error) | Exists',
  'Counter(bytes) | Sum',
]
const OF_TRACE = [
  'Trace | Duration',
  'Root | Label("http.route")',
  'Blocks | Filter(http.response.status_code >= 500) | Count',
  'Blocks | Label("service") | Distinct',
]
const OF_OPERATION = [
  'Count',
  'Duration | Max',
  'Filter(duration > 1ms) | Count',
  'Timestamp | Min',
  'Label("tenant") | Distinct',
]

/** The first `count` of them, in an order in which 60 are of the whole trace and of eight services. */
export function featuresText(
  count: number,
  { services, operations }: { readonly services: readonly string[]; readonly operations: readonly string[] },
): string {
  const pipelines = [
    ...OF_TRACE,
    ...services.flatMap((service) =>
      OF_SERVICE.map((of) => `Blocks | Filter(service = "${service}") | ${of}`),
    ),
    ...services.flatMap((service) =>
      operations.flatMap((name) =>
        OF_OPERATION.map(
          (of) => `Blocks | Filter(service = "${service}") | Filter(name = "${name}") | ${of}`,
        ),
      ),
    ),
  ]
  return pipelines
    .slice(0, count)
    .map((pipeline, at) => `${pipeline} | RecordAs("c${at}")`)
    .join('\n')
}
