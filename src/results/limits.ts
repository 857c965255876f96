/**
 * The limits on what one request may carry. The server checks them, and clients keep to them when
 * they build requests from reports. The limit on test ids is in test-id.ts.
 */
export const MAX_BATCH_REQUESTS = 500;

/** The limit on a summary of a result, and on the explanation of an exoneration. */
export const MAX_HTML_BYTES = 4096;
/** Names that are too long for a test id still fit here. */
export const MAX_TEST_NAME_BYTES = 16 * 1024;
export const MAX_FILE_NAME_BYTES = 512;
export const MAX_REPO_BYTES = 512;
/** The limit on the message of an error, and on the reason of a skipped test. */
export const MAX_ERROR_MESSAGE_BYTES = 1024;
/** The limit on the trace of an error, and on that of a skipped test. */
export const MAX_TRACE_BYTES = 4096;
/** The limit on all errors of a failure together. */
export const MAX_ERRORS_BYTES = 16 * 1024;
export const MAX_RESULT_PROPERTIES_BYTES = 8 * 1024;
export const MAX_METADATA_PROPERTIES_BYTES = 4 * 1024;

/** The limit on a variant in its binary form. */
export const MAX_VARIANT_BYTES = 1024;

export const MAX_TAG_KEY_LENGTH = 64;
export const MAX_TAG_VALUE_BYTES = 256;
/** The limit on all tags of an invocation or of a result together. */
export const MAX_TAGS_BYTES = 16 * 1024;
