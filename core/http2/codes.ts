/** Error codes of HTTP/2 (RFC 9113 section 7): why a stream is reset, or a connection ends. */
import { words } from '../base/text.js'
import { FRAME, type Frame, type PayloadReader } from './frames.js'

/** By their numbers. */
const NAMES = words(`
  NO_ERROR PROTOCOL_ERROR INTERNAL_ERROR FLOW_CONTROL_ERROR SETTINGS_TIMEOUT STREAM_CLOSED FRAME_SIZE_ERROR
  REFUSED_STREAM CANCEL COMPRESSION_ERROR CONNECT_ERROR ENHANCE_YOUR_CALM INADEQUATE_SECURITY
  HTTP_1_1_REQUIRED
`)

export const codeName = (code: number): string => NAMES[code] ?? String(code)

/** Where the code stands in the payload. */
const AT: Readonly<Record<number, number>> = { [FRAME.rstStream]: 0, [FRAME.goaway]: 4 }
const CODE_BYTES = 4

/** Reads the code in a reset or a GOAWAY; undefined for any other frame. */
export function codeReader({ type }: Frame, onCode: (code: number) => void): PayloadReader | undefined {
  const at = AT[type]
  if (at === undefined) return undefined
  let [code, place] = [0, 0]
  return piece => {
    for (const byte of piece) {
      if (place >= at && place < at + CODE_BYTES) code = code * 256 + byte
      place += 1
      if (place === at + CODE_BYTES) onCode(code)
    }
  }
}
