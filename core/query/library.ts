// Questions ready to be asked: those of the paper (Pivot Tracing, SOSP'15, section 6 and its release) and its
// case studies, in the terms of the demo system shelf. Tests run these very texts against the demo's ground
// truth; the web app offers them.

export type LibraryQuery = {
  readonly id: string
  readonly title: string
  /** What it tells, in a sentence. */
  readonly asks: string
  readonly text: string
  /** Others join it as a view under this name. */
  readonly view?: string
  /** Views that must run before it, by id. */
  readonly needs?: readonly string[]
}

const CLIENT = 'client.ts:doNextOp'
const INCR = 'datanode-metrics.ts:DataNodeMetrics.incrBytesRead'
const READ_BLOCK = 'data-transfer.ts:DataTransferProtocol.readBlock'
const GET_LOCATIONS = 'namespace.ts:Namespace.getBlockLocations'
const STATEMENTS = 'database.ts:Database.all, database.ts:Database.run'

export const LIBRARY: readonly LibraryQuery[] = [
  {
    id: 'users',
    title: 'Database accesses by web user',
    asks: 'The user is known to the gateway only, the database to the namenode only.',
    text: `From statement In ${STATEMENTS}
Join web In First(gateway.ts:userOf@return) On web -> statement
GroupBy web.return
Select web.return As user, COUNT`,
  },
  {
    id: 'Q1',
    title: 'Q1: read throughput of each machine',
    asks: 'Bytes that each datanode reads from its disk.',
    text: `From incr In ${INCR}
GroupBy incr.host
Select incr.host, SUM(incr.delta)`,
  },
  {
    id: 'Q2',
    title: 'Q2: the same by the application on top',
    asks: 'Who, far up, causes the reads that the datanodes count.',
    text: `From incr In ${INCR}
Join cl In First(${CLIENT}) On cl -> incr
GroupBy cl.procName
Select cl.procName, SUM(incr.delta)`,
  },
  {
    id: 'Q3',
    title: 'Q3: operations of each datanode',
    asks: 'Is the load even?',
    text: `From dnop In ${READ_BLOCK}
GroupBy dnop.host
Select dnop.host, COUNT`,
  },
  {
    id: 'Q4',
    title: 'Q4: which files the clients read',
    asks: 'Do clients choose files evenly?',
    text: `From getloc In ${GET_LOCATIONS}
Join st In ${CLIENT} On st -> getloc
GroupBy st.host, getloc.src
Select st.host, getloc.src, COUNT`,
  },
  {
    id: 'Q5',
    title: 'Q5: where the replicas of those files lie',
    asks: 'Are replicas spread evenly over hosts?',
    text: `From getloc In ${GET_LOCATIONS}@return
Join st In ${CLIENT} On st -> getloc
GroupBy st.host, getloc.return.replicas.host
Select st.host, getloc.return.replicas.host As replicas, COUNT`,
  },
  {
    id: 'Q6',
    title: 'Q6: which datanode each client reads from',
    asks: 'A diagonal of local reads; beside it, every client prefers the same hosts.',
    text: `From DNop In ${READ_BLOCK}
Join st In ${CLIENT} On st -> DNop
GroupBy st.host, DNop.host
Select st.host, DNop.host, COUNT`,
  },
  {
    id: 'Q7',
    title: 'Q7: which replica is chosen, of those that were offered',
    asks: 'A fixed order of preference shows as one host for each set: the bug HDFS-6268.',
    text: `From DNop In ${READ_BLOCK}
Join getloc In ${GET_LOCATIONS}@return On getloc -> DNop
Join st In ${CLIENT} On st -> getloc
Where st.host != DNop.host
GroupBy DNop.host, getloc.return.replicas.host
Select DNop.host, getloc.return.replicas.host As replicas, COUNT`,
  },
  {
    id: 'Q8',
    title: 'Q8: latency of each request at each process',
    asks: 'From the last request that came in before an answer to the answer.',
    view: 'Q8',
    text: `From response In http.server.response
Join request In MostRecent(http.server.request.start) On request -> response
Select response.time - request.time As ns`,
  },
  {
    id: 'Q9',
    title: 'Q9: what a job waited for, on average',
    asks: 'Q8 as a source: the latencies that happened before a job was complete.',
    needs: ['Q8'],
    text: `From job In worker.ts:completeJob
Join latency In Q8 On latency -> job
GroupBy job.id
Select job.id, COUNT, AVERAGE(latency.ns)`,
  },
  {
    id: 'lock',
    title: 'Who keeps the namespace lock',
    asks: 'Operations that hold the lock, how often and how long, by the tenant far up.',
    text: `From hold In namespace.ts:Namespace.holdLock@return
Join cl In First(${CLIENT}) On cl -> hold
GroupBy hold.op, cl.tenant
Select hold.op, cl.tenant, COUNT, SUM(hold.durationMs) As heldMs, MAX(hold.durationMs) As longestMs`,
  },
  {
    id: 'lock-wait',
    title: 'Who waits for the namespace lock',
    asks: 'The victims of whoever keeps it.',
    text: `From wait In namespace.ts:Namespace.acquireLock@return
Join cl In First(${CLIENT}) On cl -> wait
GroupBy cl.tenant
Select cl.tenant, COUNT, SUM(wait.durationMs) As waitedMs`,
  },
  {
    id: 'disk',
    title: 'Is one disk slow',
    asks: 'One machine that limps makes all of them slow, and no average of the whole shows it.',
    text: `From read In disk.ts:Disk.read@return
GroupBy read.host
Select read.host, COUNT, MIN(read.durationMs) As fastestMs, AVERAGE(read.durationMs) As meanMs`,
  },
]
