// What is woven, or not: functions that do next to nothing.

let read = 0

export function readBytes(table, bytes) {
  if (table === '') return 0
  read = (read + bytes) & 65535
  return read
}

/** A mere expression that is nobody's name has no guard; its module has a door. */
export const [scale] = [(table, bytes) => bytes * 3 + table.length]
