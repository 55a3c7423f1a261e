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
  useKeys({ '?': () => setHelping(true), 'g t': () => navigate('/traces'), 'g s': () => navigate('/system') })
  const theme = THEMES[choice]
  const nextTheme = (): void => {
    chooseTheme(theme.next)
    setChoice(theme.next)
  }
  const isTraces = view === 'traces' || view === 'trace'
  return (
    <div class="shell" onClick={followLink}>
      <header class="top">
        <a class="brand" href="/traces" aria-label="Crosscut, to the traces">
          <LogoMark />
          <span>crosscut</span>
        </a>
        <nav>
          <a href="/traces" aria-current={isTraces ? 'page' : undefined}>
            Traces
          </a>
          <a href="/system" aria-current={view === 'system' ? 'page' : undefined}>
            System
          </a>
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
