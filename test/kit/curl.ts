import { startChild } from './child.js'

export interface CurlResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  /** From start to end of the program. */
  readonly ms: number
}

/** The machine's own proxy settings have no say in a test. */
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/_proxy$/i.test(name)))

/** The real curl; bytes of its output are characters (latin1). Rejects when it takes longer than `ms`. */
export async function curl(args: readonly string[], ms = 20_000): Promise<CurlResult> {
  const start = performance.now()
  const child = await startChild('curl', ['-q', ...args], { env }) // -q: no .curlrc
  child.endInput()
  try {
    const code = await child.exited(ms)
    return { code, stdout: child.stdout(), stderr: child.stderr(), ms: performance.now() - start }
  } finally {
    await child.stop()
  }
}
