/** Makes a failing input smaller, for as long as it fails in the same way. */

/** Removes ever smaller pieces. Asks `mayTry` before each call of `fails`, and stops if it may not. */
export async function minimize(
  input: Buffer,
  fails: (candidate: Buffer) => Promise<boolean>,
  mayTry: () => boolean,
): Promise<Buffer> {
  let smallest = input;
  for (let size = Math.ceil(input.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let at = 0; at < smallest.length; ) {
      if (!mayTry()) return smallest;
      const candidate = Buffer.concat([smallest.subarray(0, at), smallest.subarray(at + size)]);
      if (await fails(candidate)) smallest = candidate;
      else at += size;
    }
  }
  return smallest;
}
