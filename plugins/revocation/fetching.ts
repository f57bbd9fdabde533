import type { FetchOptions, PluginFetch } from 'portcullis/plugin'
import { NoAnswer } from './no-answer.js'

/** A body with status 200. @throws {Error} for everything else */
export async function fetchBody(fetch: PluginFetch, url: string, options: FetchOptions): Promise<Buffer> {
  const { status, body } = await fetch(url, { ...options, failureFor: 0 })
  if (status !== 200) throw new NoAnswer(`status ${status}`)
  return body
}

/**
 * Sources in certificates are plain http: what they send is signed, and https would need the check that is in progress.
 */
export const isFetched = (url: string): boolean => /^http:/i.test(url)
