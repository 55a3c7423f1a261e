// Shares as shades: rows and columns of names, a table that a screen reader can read as well.

import type { ComponentChildren } from 'preact'
import { shadeOf } from '../../widgets/heat-grid.tsx'
import { percent } from './say.ts'
import { visibleText } from '../../base/text.ts'

export type MatrixName = { readonly id: string; readonly label: ComponentChildren }

export function Matrix({
  label,
  corner,
  rows,
  columns,
  at,
  title,
}: {
  readonly label: string
  /** What rows and columns are. */
  readonly corner: string
  readonly rows: readonly MatrixName[]
  readonly columns: readonly MatrixName[]
  /** 0 to 1; 0 stays empty. */
  readonly at: (row: string, column: string) => number
  /** What is said of a cell. */
  readonly title: (row: string, column: string, share: number) => string
}) {
  return (
    <div class="matrix-scroll">
      <table class="matrix" aria-label={label}>
        <thead>
          <tr>
            <td class="muted">{corner}</td>
            {columns.map((column) => (
              <th key={column.id} scope="col">
                {column.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.id}>
              <th scope="row">{row.label}</th>
              {columns.map((column) => {
                const share = at(row.id, column.id)
                const shade = shadeOf(share, 1)
                return (
                  <td
                    key={column.id}
                    class={shade > 0.6 ? 'full' : ''}
                    title={share > 0 ? visibleText(title(row.id, column.id, share)) : ''}
                  >
                    {share > 0 && (
                      <>
                        <span class="shade" style={{ opacity: String(shade) }} aria-hidden="true" />
                        <span class="share">{percent(share)}</span>
                      </>
                    )}
                  </td>
                )
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
