// The only error of ours that the application's code ever meets: a tool asked for it.

/** A message longer than this is cut: it may be logged, told and traced by whoever catches it. */
const MESSAGE_CHARS_MAX = 1024

export class FaultError extends Error {
  override readonly name = 'FaultError'
  readonly code = 'E_FAULT'
  /** Who asked for it. */
  readonly tool: string

  constructor(message: string, tool: string) {
    super(message.slice(0, MESSAGE_CHARS_MAX))
    this.tool = tool
  }
}
