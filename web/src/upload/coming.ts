// Types of the API that its document does not have yet.

import type { UploadRequest } from "../api/types";

export type UploadRequestWithFingerprint = UploadRequest & { fingerprint?: string };

export interface SystemWithLimits {
  upload_limits?: { max_size_bytes?: number };
}
