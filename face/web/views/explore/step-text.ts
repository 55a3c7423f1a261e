// An interval as people say it: '30 s', '5 min', '2 h', '1 d'.

export function stepText(seconds: number): string {
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3600) return `${seconds / 60} min`
  return seconds < 86_400 ? `${seconds / 3600} h` : `${seconds / 86_400} d`
}
