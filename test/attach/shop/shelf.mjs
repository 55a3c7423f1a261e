// One class, one function; both exported.

export class Shelf {
  #left = 100

  constructor(name) {
    this.name = name
  }

  async take(title, copies = 1) {
    await null
    this.#left -= copies
    return title === 'none' ? Promise.reject(new Error('none left')) : this.#left
  }
}

export function greet(title) {
  return `here is ${title}`
}
