/** True if a header may hold the text: visible ASCII. Headers themselves throw errors that quote the value. */
export function isHeaderText(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text);
}
