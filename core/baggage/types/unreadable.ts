// What stands below a known field or key and yet reads as nothing was written by somebody who knows more: it
// is kept. What read as something and is missing from the new value was left out on purpose: it goes.

import { Cursor, type Region } from '../cursor.ts'
import type { TreeWriter } from '../writer.ts'
import type { FieldType } from './type.ts'

/** `level`: of the header above `previous`. */
export function copyUnreadable(writer: TreeWriter, type: FieldType, level: number, previous: Region): void {
  const value = type.read(new Cursor(previous.bytes, previous.start, previous.end), level)
  if (value === undefined) writer.copyAtoms(previous)
}
