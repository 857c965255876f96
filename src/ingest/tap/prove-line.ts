/**
 * The lines that `prove -v` writes around the TAP of its scripts: one before each, and a summary at
 * the end.
 */

export type ProveLine =
  /** The TAP of a script follows, unless it was skipped as a whole. */
  | { readonly kind: 'script'; readonly name: string; readonly isSkipped: boolean }
  /** Stands before the script that gave up. */
  | { readonly kind: 'bail-out'; readonly reason: string }
  /** A script ended with an exit code or by a signal. */
  | { readonly kind: 'dubious'; readonly text: string }
  /** A script has passed; but it may be a point of the script as well. */
  | { readonly kind: 'ok' }
  | { readonly kind: 'totals'; readonly scripts: number; readonly tests: number }
  | { readonly kind: 'result' };

/** `undefined` for every other line. `line` has its indentation. */
export function parseProveLine(line: string): ProveLine | undefined {
  const script = /^(?:\[[\d:]+\] )?(\S.*?) \.{2,} ?(skipped: .*|skipped)?$/.exec(line);
  if (script) {
    return { kind: 'script', name: script[1] ?? '', isSkipped: script[2] !== undefined };
  }
  const bailOut = /^Bailout called\. {2}Further testing stopped: *(.*)$/.exec(line);
  if (bailOut) return { kind: 'bail-out', reason: bailOut[1] ?? '' };
  if (/^Dubious, test returned \d+ \(wstat /.test(line)) return { kind: 'dubious', text: line };
  if (/^ok( +\d+ ms.*)?$/.test(line)) return { kind: 'ok' };
  const totals = /^Files=(\d+), Tests=(\d+), /.exec(line);
  if (totals) return { kind: 'totals', scripts: Number(totals[1]), tests: Number(totals[2]) };
  return /^Result: [A-Z]+$/.test(line) ? { kind: 'result' } : undefined;
}

/**
 * Whether a file that begins so was written by prove, and not by one script. Comments may stand first: what
 * scripts write to standard error comes early where prove was not told to merge it.
 */
export function isProveOutput(head: string): boolean {
  const first = /^(?:\s*#[^\n]*\n)*\s*([^\r\n]*)/.exec(head)?.[1] ?? '';
  return parseProveLine(first)?.kind === 'script';
}
