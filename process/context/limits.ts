// The bounds of context/, with their reasons.

/**
 * Classes derived from Promise whose `then` is wrapped. Programs have a handful (cancelable, lazy, query
 * builders); a program that makes classes in a loop must not make us hold them all, so further ones flow
 * forward only.
 */
export const PROMISE_SUBCLASSES_MAX = 128
