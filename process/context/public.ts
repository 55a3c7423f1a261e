// The export `crosscut/context`.
export { context, type Context } from './context.ts'
