// What a thread of a pool does in tests: nothing, for so many ms.

export default (ms) => new Promise((resolve) => setTimeout(resolve, ms))
