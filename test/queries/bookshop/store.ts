// Shelves with books on them; what is empty is not refilled.

export type Book = { readonly title: string; copies: number; readonly authors: readonly { name: string }[] }

export class Store {
  #taken = 0
  readonly name: string
  readonly #books = new Map<string, Book>()

  constructor(name: string) {
    this.name = name
  }

  async take(title: string): Promise<Book> {
    const book = this.#find(title)
    await new Promise((resolve) => setTimeout(resolve, 5))
    book.copies -= 1
    this.#taken += 1
    return book
  }

  #find(title: string): Book {
    const known = this.#books.get(title)
    if (known !== undefined) return known
    const book = {
      title,
      copies: title === 'rare' ? 1 : 1000,
      authors: [{ name: 'A' }, { name: `of ${title}` }],
    }
    this.#books.set(title, book)
    return book
  }

  get taken(): number {
    return this.#taken
  }
}
