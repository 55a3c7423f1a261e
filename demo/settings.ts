// What a shelf process is told by its environment, parsed once. main.ts writes these, everything else reads
// them.

import { FAULTS, type Fault } from './faults.ts'

export type Settings = {
  readonly host: string
  readonly port: number
  readonly namenodeUrl: string
  readonly gatewayUrl: string
  readonly workerUrl: string
  /** Where a datanode keeps its blocks, the namenode its database. */
  readonly folder: string
  /** 1 = the papers' sizes. */
  readonly scale: number
  readonly replication: number
  readonly seed: number
  /** Request rate against the default; 0 = nothing is done by itself. */
  readonly load: number
  readonly fault: Fault | undefined
  /** What it calls its version. */
  readonly release: string
}

/** The papers' sizes in bytes, before scaling. */
const PAPER_BYTES = {
  block: 64 * 2 ** 20,
  read4m: 4 * 2 ** 20,
  read64m: 64 * 2 ** 20,
  row: 10 * 1024,
} as const

export type Sizes = { readonly [name in keyof typeof PAPER_BYTES]: number }

/** Rows stay as they are: 10 kB is small already. */
export function sizesAt(scale: number): Sizes {
  const scaled = (bytes: number): number => Math.max(4096, Math.round(bytes * scale))
  return {
    block: scaled(PAPER_BYTES.block),
    read4m: scaled(PAPER_BYTES.read4m),
    read64m: scaled(PAPER_BYTES.read64m),
    row: PAPER_BYTES.row,
  }
}

export function readSettings(env: NodeJS.ProcessEnv = process.env): Settings {
  return {
    host: env.SHELF_HOST ?? 'A',
    port: Number(env.SHELF_PORT ?? 0),
    namenodeUrl: env.SHELF_NAMENODE ?? '',
    gatewayUrl: env.SHELF_GATEWAY ?? '',
    workerUrl: env.SHELF_WORKER ?? '',
    folder: env.SHELF_FOLDER ?? '.shelf',
    scale: Number(env.SHELF_SCALE ?? 1 / 64),
    replication: Number(env.SHELF_REPLICATION ?? 3),
    seed: Number(env.SHELF_SEED ?? 1),
    load: Number(env.SHELF_LOAD ?? 1),
    fault: FAULTS.find((fault) => fault === env.SHELF_FAULT),
    release: env.SHELF_RELEASE ?? '1',
  }
}
