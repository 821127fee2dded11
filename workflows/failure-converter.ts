import { DefaultFailureConverter } from '@temporalio/common';

/**
 * Messages and stack traces of failures travel encoded, so that the codec encrypts them too: they are plain text in the
 * history otherwise (facts: @temporalio/common 1.24). The export's name is what the SDK looks for.
 */
export const failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true });
