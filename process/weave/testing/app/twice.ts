// Types are gone before the parser sees it; lines stay.

type Amount = number

export const twice = (n: Amount): Amount => {
  return double(n)
}

function double<T extends Amount>(n: T): Amount {
  return n * 2
}
