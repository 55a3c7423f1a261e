// Icons as strokes on a 16 px grid, in the colour of the text around them.

const PATHS = {
  search: 'M7 2.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9Zm3.3 7.8 3.2 3.2',
  close: 'm4 4 8 8M12 4l-8 8',
  copy: 'M5.5 5.5v-2a1 1 0 0 1 1-1h6a1 1 0 0 1 1 1v6a1 1 0 0 1-1 1h-2M3.5 5.5h6a1 1 0 0 1 1 1v6a1 1 0 0 1-1 1h-6a1 1 0 0 1-1-1v-6a1 1 0 0 1 1-1Z',
  check: 'm3.5 8.5 3 3 6-7',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  stop: 'M4.5 4.5h7v7h-7Z',
  play: 'M5 3.2v9.6L12.5 8 5 3.2Z',
  back: 'M9.5 3.5 5 8l4.5 4.5',
  right: 'M6.5 3.5 11 8l-4.5 4.5',
  down: 'm3.5 6 4.5 4.5L12.5 6',
  error: 'M8 4.5v4M8 11v.01M8 1.8a6.2 6.2 0 1 1 0 12.4A6.2 6.2 0 0 1 8 1.8Z',
  clock: 'M8 4.5V8l2.3 1.6M8 1.8a6.2 6.2 0 1 1 0 12.4A6.2 6.2 0 0 1 8 1.8Z',
  sun: 'M8 5.2a2.8 2.8 0 1 1 0 5.6 2.8 2.8 0 0 1 0-5.6ZM8 1.4v1.4M8 13.2v1.4M1.4 8h1.4M13.2 8h1.4M3.3 3.3l1 1M11.7 11.7l1 1M3.3 12.7l1-1M11.7 4.3l1-1',
  moon: 'M13.2 9.6A5.6 5.6 0 0 1 6.4 2.8a5.6 5.6 0 1 0 6.8 6.8Z',
  system: 'M2.5 3.5h11v7h-11ZM6 13.5h4M8 10.5v3',
  link: 'M6.8 9.2a2.6 2.6 0 0 0 3.7 0l2.2-2.2a2.6 2.6 0 1 0-3.7-3.7l-.9.9M9.2 6.8a2.6 2.6 0 0 0-3.7 0L3.3 9a2.6 2.6 0 1 0 3.7 3.7l.9-.9',
  help: 'M6 6.2a2 2 0 1 1 2.9 1.8c-.6.3-.9.7-.9 1.4M8 11.6v.01M8 1.8a6.2 6.2 0 1 1 0 12.4A6.2 6.2 0 0 1 8 1.8Z',
  filter: 'M2 4h12M4.5 8h7M6.5 12h3',
  path: 'M2 3.5h5v4.5h4v4.5h3',
  arrows: 'M2.5 4.5c5 0 5 7 10 7M10 9l2.7 2.5L10 14',
  lock: 'M3.5 7.5h9v6h-9ZM5.5 7.5V5a2.5 2.5 0 0 1 5 0v2.5',
  zoom: 'M2.5 5.5v-3h3M13.5 5.5v-3h-3M2.5 10.5v3h3M13.5 10.5v3h-3M5 8h6',
  download: 'M8 2.5v7.5M4.8 7 8 10.2 11.2 7M2.5 13.5h11',
  external: 'M9.5 2.5h4v4M13.5 2.5 7.5 8.5M6.5 3.5h-4v10h10v-4',
} as const

export type IconName = keyof typeof PATHS

export function Icon({ name, size = 14 }: { readonly name: IconName; readonly size?: number }) {
  return (
    <svg
      class="icon"
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      stroke-width="1.5"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      <path d={PATHS[name]} />
    </svg>
  )
}

/** Three spans and the cut across them. */
export function LogoMark({ size = 20 }: { readonly size?: number }) {
  return (
    <svg class="logo-mark" width={size} height={size} viewBox="0 0 20 20" aria-hidden="true">
      <g class="logo-spans">
        <rect x="1" y="3" width="18" height="3.4" rx="1.7" />
        <rect x="1" y="8.3" width="12" height="3.4" rx="1.7" />
        <rect x="7" y="13.6" width="12" height="3.4" rx="1.7" />
      </g>
      <path class="logo-gap" d="M18 -1 4 21" />
      <path class="logo-cut" d="M17.3 .6 4.4 19.6" />
    </svg>
  )
}
