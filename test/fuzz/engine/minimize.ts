/** Makes a failing input smaller, for as long as it fails in the same way. */

/** Removes ever smaller pieces, and calls `fails` at most `budget` times. */
export async function minimize(
  input: Buffer,
  fails: (candidate: Buffer) => Promise<boolean>,
  budget: number,
): Promise<Buffer> {
  let smallest = input;
  let left = budget;
  for (let size = Math.ceil(input.length / 2); size >= 1 && left > 0; size = Math.floor(size / 2)) {
    for (let at = 0; at < smallest.length && left > 0; left--) {
      const candidate = Buffer.concat([smallest.subarray(0, at), smallest.subarray(at + size)]);
      if (await fails(candidate)) smallest = candidate;
      else at += size;
    }
  }
  return smallest;
}
