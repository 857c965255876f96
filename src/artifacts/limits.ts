/** The limits on artifacts. */

/** The largest content that is kept in the row of an artifact. */
export const MAX_INLINE_BYTES = 64 * 1024;
/** The limit on the contents of a batch together, which is ResultDB's. */
export const MAX_BATCH_CONTENT_BYTES = 10 * 1024 * 1024;
export const MAX_CONTENT_TYPE_BYTES = 256;
export const MAX_ARTIFACT_TYPE_BYTES = 60;
/** The limit on the id of an artifact, in characters. */
export const MAX_ARTIFACT_ID_LENGTH = 256;
