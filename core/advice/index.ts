// The face of advice/: see README.md.
export { parsePackage } from './parse.ts'
export { verifyPackage, type VerifiedPackage } from './verify.ts'
export { compilePackage, type AdviceEnvironment, type AdviceValue, type CompiledAdvice } from './compile.ts'
export { AdviceRefusal, type RefusalCode } from './refusal.ts'
export * from './limits.ts'
