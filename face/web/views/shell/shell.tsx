// The frame of every view: name, navigation, theme, help. Links inside are followed without loading the page.

import './shell.css'
import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { useKeys } from '../../base/keys.ts'
import { followLink, navigate, type Route } from '../../base/route.ts'
import { chooseTheme, themeChoice, type ThemeChoice } from '../../base/theme.ts'
import { IconButton } from '../../widgets/controls.tsx'
import { LogoMark, type IconName } from '../../widgets/icon.tsx'
import { Help } from './help.tsx'
import { PLACES } from './places.ts'

const THEMES: { readonly [choice in ThemeChoice]: { readonly next: ThemeChoice; readonly icon: IconName } } =
  {
    system: { next: 'light', icon: 'system' },
    light: { next: 'dark', icon: 'sun' },
    dark: { next: 'system', icon: 'moon' },
  }

export function Shell({
  view,
  children,
}: {
  readonly view: Route['view']
  readonly children: ComponentChildren
}) {
  const [choice, setChoice] = useState(themeChoice)
  const [isHelping, setHelping] = useState(false)
  useKeys({
    '?': () => setHelping(true),
    ...Object.fromEntries(PLACES.map(({ key, path }) => [`g ${key}`, () => navigate(path)])),
  })
  const theme = THEMES[choice]
  const nextTheme = (): void => {
    chooseTheme(theme.next)
    setChoice(theme.next)
  }
  return (
    <div class="shell" onClick={followLink}>
      <header class="top">
        <a class="brand" href="/traces" aria-label="Crosscut, to the traces">
          <LogoMark />
          <span>crosscut</span>
        </a>
        <nav aria-label="Views">
          {PLACES.map(({ label, path, key, views }) => (
            <a
              key={path}
              href={path}
              title={`${label} (g ${key})`}
              aria-current={views.includes(view) ? 'page' : undefined}
            >
              {label}
            </a>
          ))}
        </nav>
        <span class="grow" />
        <IconButton
          icon={theme.icon}
          label={`Theme: ${choice}. Click for ${theme.next}.`}
          onClick={nextTheme}
        />
        <IconButton icon="help" label="Keyboard and help (?)" onClick={() => setHelping(true)} />
      </header>
      <main class="content">{children}</main>
      {isHelping && <Help onClose={() => setHelping(false)} />}
    </div>
  )
}
