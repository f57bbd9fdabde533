let line = ''
let madeFor = 0

/** The line of a Date field (RFC 9110 section 6.6.1), made anew once a second. */
export function dateField(): string {
  const second = Math.floor(Date.now() / 1000)
  if (second !== madeFor) {
    madeFor = second
    line = `Date: ${new Date(second * 1000).toUTCString()}\r\n`
  }
  return line
}
