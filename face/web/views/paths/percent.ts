// A part as a percentage, short: '7.4 %', '32 %'.

export function percent(part: bigint, whole: bigint): string {
  const value = Number((part * 10_000n) / (whole === 0n ? 1n : whole)) / 100
  return `${value >= 10 || value === 0 ? value.toFixed(0) : value.toFixed(1)} %`
}
