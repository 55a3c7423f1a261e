// Datasets that come with the server. They are ordinary definitions: anybody may look at them, and
// replace them.
//
//   requests          a row a trace: what was asked, how long, where its time went
//   rpcs              a row a call between services, the caller's and the callee's side
//   database-calls    a row a call with db.system (or db.system.name)
//   errors            a row a block that failed
//   model-repairs     a row a trace that the model had to repair: mistakes of instrumentation are found by it
//   critical-path     a row a stay in a process that is on the critical path: sum(critical_ms) by service is
//                     where time goes (a row a block would be half as many rows as there are spans)

import type { DatasetDefinition } from '#protocol'

export const BUILT_IN_OWNER = 'crosscut'

type BuiltIn = Pick<DatasetDefinition, 'filter' | 'features' | 'rowPer'>

const ROOT = `
Root | Label("service") | RecordAs("root_service")
Root | Label("name") | RecordAs("root_name")
`

export const BUILT_IN_DATASETS: Readonly<Record<string, BuiltIn>> = {
  requests: {
    filter: '',
    rowPer: 'trace',
    features: `
Root | Label("service") | RecordAs("service")
Root | Label("name") | RecordAs("name")
Root | Label("kind") | RecordAs("kind")
Root | Label("http.request.method") | RecordAs("method")
Root | Label("http.route") | RecordAs("route")
Root | Label("http.response.status_code") | RecordAs("status_code")
Root | Label("crosscut.tenant") | RecordAs("tenant")
Root | Filter(error) | Exists | RecordAs("failed")
Trace | Duration | In(ms) | RecordAs("duration_ms")
Blocks | Count | RecordAs("spans")
Blocks | Filter(error) | Count | RecordAs("errors")
Blocks | Filter(kind = "client") | Count | RecordAs("calls")
Units | Count | RecordAs("units")
Blocks | Label("service") | Distinct | RecordAs("services")
Blocks | Label("host") | Distinct | RecordAs("hosts")
Path = CriticalPath
Path | Sections | Count | RecordAs("critical_sections")
Path | Sections | Filter(kind = "client") | Duration | Sum | In(ms) | RecordAs("critical_calls_ms")
Path | Sections | Filter(waited | Exists) | Duration | Sum | In(ms) | RecordAs("critical_waiting_ms")
Path | Sections | MaxBy(Duration) | Label("service") | RecordAs("slowest_service")
Path | Sections | MaxBy(Duration) | Label("name") | RecordAs("slowest_name")
Path | Sections | MaxBy(Duration) | Duration | In(ms) | RecordAs("slowest_ms")
Repairs | Count | RecordAs("repairs")
`,
  },
  rpcs: {
    filter: '',
    rowPer: 'block',
    features: `
Rows = Blocks | Filter(kind = "client")
Server = Row | Children | Filter(kind = "server") | First
Row | Label("service") | RecordAs("caller")
Row | Label("name") | RecordAs("name")
Row | Label("callee") | RecordAs("callee")
Server | Label("name") | RecordAs("operation")
Row | Label("host") | RecordAs("caller_host")
Server | Label("host") | RecordAs("callee_host")
Row | Filter(error) | Exists | RecordAs("failed")
Row | Label("http.response.status_code") | RecordAs("status_code")
Row | Label("rpc.service") | RecordAs("rpc_service")
Row | Label("rpc.method") | RecordAs("rpc_method")
Row | Label("server.address") | RecordAs("address")
Row | Duration | In(ms) | RecordAs("duration_ms")
Server | Duration | In(ms) | RecordAs("server_ms")
Row | Duration | Subtract(Server | Duration) | In(ms) | RecordAs("network_ms")
Row | CriticalDuration | In(ms) | RecordAs("critical_ms")
${ROOT}`,
  },
  'database-calls': {
    filter: '',
    rowPer: 'block',
    features: `
Rows = Blocks | Filter((db.system | Exists) or (db.system.name | Exists))
Row | Label("service") | RecordAs("service")
Row | Label("name") | RecordAs("name")
Row | Label("db.system") | Default(Row | Label("db.system.name")) | RecordAs("system")
Row | Label("db.namespace") | Default(Row | Label("db.name")) | RecordAs("database")
Row | Label("db.operation.name") | Default(Row | Label("db.operation")) | RecordAs("operation")
Row | Label("db.collection.name") | Default(Row | Label("db.sql.table")) | RecordAs("collection")
Row | Label("db.query.text") | Default(Row | Label("db.statement")) | RecordAs("statement")
Row | Filter(error) | Exists | RecordAs("failed")
Row | Duration | In(ms) | RecordAs("duration_ms")
Row | CriticalDuration | In(ms) | RecordAs("critical_ms")
${ROOT}`,
  },
  errors: {
    filter: 'errors > 0',
    rowPer: 'block',
    features: `
Rows = Blocks | Filter(error)
Row | Label("service") | RecordAs("service")
Row | Label("name") | RecordAs("name")
Row | Label("kind") | RecordAs("kind")
Row | Label("host") | RecordAs("host")
Row | Messages | First | RecordAs("message")
Row | Points | Filter(name = "exception") | First | Label("exception.type") | RecordAs("exception")
Row | Label("http.response.status_code") | RecordAs("status_code")
Row | Children | Filter(error) | Exists | RecordAs("has_cause")
Row | Duration | In(ms) | RecordAs("duration_ms")
Row | Ancestors | Count | RecordAs("depth")
${ROOT}`,
  },
  'model-repairs': {
    filter: 'repairs > 0',
    rowPer: 'trace',
    features: `
Repairs | Distinct | RecordAs("kinds")
Repairs | Count | RecordAs("repairs")
Blocks | Count | RecordAs("spans")
Blocks | Label("service") | Distinct | RecordAs("services")
Blocks | Label("host") | Distinct | RecordAs("hosts")
${ROOT}`,
  },
  'critical-path': {
    filter: '',
    rowPer: 'unit',
    features: `
Rows = CriticalPath | Units
Longest = Row | Blocks | MaxBy(CriticalDuration)
Row | Label("service") | RecordAs("service")
Row | Label("host") | RecordAs("host")
Row | CriticalDuration | In(ms) | RecordAs("critical_ms")
Row | CriticalDuration | Divide(Trace | Duration) | RecordAs("share")
Longest | Label("name") | RecordAs("slowest_name")
Longest | CriticalDuration | In(ms) | RecordAs("slowest_ms")
Row | Duration | In(ms) | RecordAs("duration_ms")
Trace | Duration | In(ms) | RecordAs("trace_ms")
${ROOT}`,
  },
}
