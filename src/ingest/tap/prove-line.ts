/**
 * Reads the lines that `prove -v` writes around the TAP of its scripts: one before each script, and a
 * summary at the end.
 */

export type ProveLine =
  /** The TAP of a script follows, unless it was skipped as a whole. */
  | { readonly kind: 'script'; readonly name: string; readonly isSkipped: boolean }
  /** Comes before the script that bailed out. */
  | { readonly kind: 'bail-out'; readonly reason: string }
  /** Says that a script ended with an exit code or by a signal. */
  | { readonly kind: 'dubious'; readonly text: string }
  /** Says that a script has passed; but it may also be a point of the script. */
  | { readonly kind: 'ok' }
  | { readonly kind: 'totals'; readonly scripts: number; readonly tests: number }
  | { readonly kind: 'result' };

/** Returns `undefined` for every other line. `line` includes its indentation. */
export function parseProveLine(line: string): ProveLine | undefined {
  const script = /^(?:\[[\d:]+\] )?(\S.*?) \.{2,} ?(skipped: .*|skipped)?$/s.exec(line);
  if (script) {
    return { kind: 'script', name: script[1] ?? '', isSkipped: script[2] !== undefined };
  }
  const bailOut = /^Bailout called\. {2}Further testing stopped:(.*)$/s.exec(line);
  if (bailOut) return { kind: 'bail-out', reason: (bailOut[1] ?? '').trimStart() };
  if (/^Dubious, test returned \d+ \(wstat /.test(line)) return { kind: 'dubious', text: line };
  if (/^ok( +\d+ ms.*)?$/.test(line)) return { kind: 'ok' };
  const totals = /^Files=(\d+), Tests=(\d+), /.exec(line);
  if (totals) return { kind: 'totals', scripts: Number(totals[1]), tests: Number(totals[2]) };
  return /^Result: [A-Z]+$/.test(line) ? { kind: 'result' } : undefined;
}

/**
 * True if prove wrote a file that begins with this text, and not a single script. Comments may come first:
 * what scripts write to standard error is early unless prove is told to merge it.
 */
export function isProveOutput(head: string): boolean {
  const first = /^(?:\s*#[^\n]*\n)*\s*([^\r\n]*)/.exec(head)?.[1] ?? '';
  return parseProveLine(first)?.kind === 'script';
}
