// Units as types: a number of bytes and a wall time cannot be swapped by accident. A brand exists at compile
// time only.

declare const brand: unique symbol
export type Brand<T, Name extends string> = T & { readonly [brand]: Name }

/** Wall time: ns since the epoch. bigint, because a double holds only 104 days of ns exactly. */
export type Nanos = Brand<bigint, 'Nanos'>
/** A size in bytes, >= 0. */
export type Bytes = Brand<number, 'Bytes'>

export const nanos = (value: bigint): Nanos => value as Nanos
export const bytesCount = (value: number): Bytes => value as Bytes
