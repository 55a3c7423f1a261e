// The face of log/: see README.md.
export type { Disk, DiskFile, DiskLock } from './disk.ts'
export type { Appended, Log, LogLimits, LogOptions, LogReport, LogStats, SegmentInfo } from './log.ts'
export { openLog } from './log.ts'
export type { LogRecord, SegmentContent } from './segment-reader.ts'
export { listSegments, readSegment } from './segment-reader.ts'
export { nodeDisk } from './node-disk.ts'
export { LogError } from './log-error.ts'
export type { LogErrorCode } from './log-error.ts'
