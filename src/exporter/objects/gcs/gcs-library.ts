/** Loads the client of Google Cloud Storage, which only its users have installed. */
import { loadOptional } from '@postlude/queue/foundations';

export const GCS_PACKAGE = {
  name: '@google-cloud/storage',
  for: 'exporting to Google Cloud Storage',
};

export type GcsLibrary = typeof import('@google-cloud/storage');

export function loadGcs(): Promise<GcsLibrary> {
  return loadOptional(GCS_PACKAGE, () => import('@google-cloud/storage'));
}
