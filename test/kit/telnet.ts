import { startChild } from './child.js'

/** The real telnet, as the proof of concept was tried: its keyboard is a pipe. */
export interface Telnet {
  /** Types a line; telnet sends it with CR LF. */
  type(line: string): void
  /** What telnet has shown since it was connected. */
  shown(): string
  /** The first match in what it has shown. */
  until(pattern: RegExp, ms?: number): Promise<RegExpExecArray>
  /** Waits until the other side has closed the connection. */
  closed(ms?: number): Promise<void>
  stop(): Promise<void>
}

const GREETING = /Escape character is .*\r?\n/

export async function telnet(port: number): Promise<Telnet> {
  const child = await startChild('telnet', ['127.0.0.1', String(port)])
  const shown = (): string => child.stdout().split(GREETING).slice(1).join('')
  try {
    await child.until(() => GREETING.exec(child.stdout()) ?? undefined, 'telnet to connect')
  } catch (cause) {
    await child.stop()
    throw cause
  }
  return {
    type: line => child.write(`${line}\n`),
    shown,
    until: (pattern, ms) => child.until(() => pattern.exec(shown()) ?? undefined, `${pattern}`, ms),
    closed: async ms => {
      await child.exited(ms)
    },
    stop: child.stop,
  }
}
