/** Opens files that users name. */
import { constants, type FileHandle, open } from 'node:fs/promises';

/** Opening a pipe would wait for a writer, and could not be interrupted. Windows does not have the flag. */
const READ_WITHOUT_WAITING = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** What to say of a file for which `openRegularFile` returns `undefined`. */
export const NOT_REGULAR = 'it is not a regular file, but a pipe, a folder or a device';

/** Returns `undefined` for pipes, devices and folders, whose reading might never end. Follows links. */
export async function openRegularFile(path: string): Promise<FileHandle | undefined> {
  const file = await open(path, READ_WITHOUT_WAITING);
  try {
    if ((await file.stat()).isFile()) return file;
  } catch (error) {
    await file.close();
    throw error;
  }
  await file.close();
  return undefined;
}
