// What stands where data would: nothing yet, an error, the first loading. Each says what to do next.

import type { ComponentChildren } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { ApiFailure } from '../base/api.ts'
import { Button, CopyButton } from './controls.tsx'
import { Icon } from './icon.tsx'
import { Text } from './text.tsx'

/** Nothing is drawn for short waits: what comes within a blink must not flicker. */
const QUIET_MS = 180

export function Loading({ what }: { readonly what: string }) {
  const [isShown, setShown] = useState(false)
  useEffect(() => {
    const timer = setTimeout(() => setShown(true), QUIET_MS)
    return () => clearTimeout(timer)
  }, [])
  return (
    <div class="notice" role="status">
      {isShown && (
        <>
          <span class="pulse" />
          <p class="muted">Loading {what}…</p>
        </>
      )}
    </div>
  )
}

export function ErrorNotice({ error, onRetry }: { readonly error: Error; readonly onRetry: () => void }) {
  const failure = error instanceof ApiFailure ? error : undefined
  if (failure?.status === 401) return <SignIn title="You are not signed in" onRetry={onRetry} />
  return (
    <div class="notice error" role="alert">
      <Icon name={failure?.status === 403 ? 'lock' : 'error'} size={22} />
      <h2>{error.message}</h2>
      {failure?.hint && (
        <p class="muted">
          <Hint text={failure.hint} />
        </p>
      )}
      <p class="row">
        <Button onClick={onRetry} kind="primary">
          Try again
        </Button>
        {failure && <code class="muted">{failure.code}</code>}
      </p>
    </div>
  )
}

/** What the server advises; commands stand between backticks. */
export function Hint({ text }: { readonly text: string }) {
  return (
    <>
      {text
        .split('`')
        .map((part, at) => (at % 2 === 1 ? <code key={at}>{part}</code> : <Text key={at} of={part} />))}
    </>
  )
}

/** How to get in: whoever can read the server's data folder may make a login link. */
export function SignIn({ title, onRetry }: { readonly title: string; readonly onRetry: () => void }) {
  return (
    <div class="notice" role="alert">
      <Icon name="lock" size={22} />
      <h2>{title}</h2>
      <p class="muted">
        Open the address that this command prints; it works once, and signs this browser in.
      </p>
      <Command title="In a terminal, in the folder of the server" text="npx crosscut login" />
      <p class="row">
        <Button onClick={onRetry} kind="primary">
          Try again
        </Button>
      </p>
    </div>
  )
}

/** A line above data that is old because asking again failed. */
export function StaleStrip({ error, onRetry }: { readonly error: Error; readonly onRetry: () => void }) {
  const hint = hintOf(error)
  return (
    <div class="strip error" role="alert">
      <Icon name="error" />
      <span>
        {error.message} What you see is the last good answer. {hint !== '' && <Hint text={hint} />}
      </span>
      <button type="button" class="text-button" onClick={onRetry}>
        Try again
      </button>
    </div>
  )
}

/** What was asked for was not done, and what mends it; `hint`: where it is not the error's own. */
export function Refused({
  error,
  hint = hintOf(error),
}: {
  readonly error: Error
  readonly hint?: string | undefined
}) {
  return (
    <p class="refused" role="alert">
      <Text of={error.message} />
      {hint !== '' && (
        <small>
          <Hint text={hint} />
        </small>
      )}
    </p>
  )
}

const hintOf = (error: Error): string => (error instanceof ApiFailure ? (error.hint ?? '') : '')

export function Empty({ title, children }: { readonly title: string; readonly children: ComponentChildren }) {
  return (
    <div class="notice empty">
      <h2>{title}</h2>
      {children}
    </div>
  )
}

/** A command to paste, with a button that copies it. */
export function Command({ title, text }: { readonly title: string; readonly text: string }) {
  return (
    <figure class="command">
      <figcaption>
        {title}
        <CopyButton get={() => text} label={`Copy: ${title}`} />
      </figcaption>
      <pre>
        <code>{text}</code>
      </pre>
    </figure>
  )
}
