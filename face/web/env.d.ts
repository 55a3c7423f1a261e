// What the bundler understands beyond TypeScript: style sheets imported for their effect.
declare module '*.css'
