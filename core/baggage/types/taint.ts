// taint, also written flag: true is one atom, false is none. So a merge is "or", and a taint once set stays
// through every join.

import { PAST_END } from '../cursor.ts'
import { DATA, headerBase } from '../header.ts'
import { bool } from './integers.ts'
import { copyBelow, putData, readPayload } from './scalar-field.ts'
import type { FieldType } from './type.ts'

export const taint: FieldType<boolean> = {
  name: 'taint',
  unset: false,
  isPlain: true,
  lone: bool,
  // A written false (another implementation may) must not hide a true behind it: 00 sorts before 01.
  read(cursor, level) {
    let value: boolean | undefined
    for (; cursor.first !== PAST_END && cursor.first < 0x80; cursor.advance())
      if (cursor.first === DATA) value = value === true || readPayload(bool, cursor)
    cursor.leave(headerBase(level))
    return value
  },
  write(writer, value, _level, previous, where) {
    if (bool.check(value, where)) putData(writer, bool, true)
    copyBelow(writer, previous)
  },
}
