import { createOwnKeyEndpoint } from './account/create-own-key.ts';
import { listOwnKeysEndpoint } from './account/list-own-keys.ts';
import { loginEndpoint } from './account/login.ts';
import { logoutEndpoint } from './account/logout.ts';
import { meEndpoint } from './account/me.ts';
import { refreshEndpoint } from './account/refresh.ts';
import { revokeOwnKeyEndpoint } from './account/revoke-own-key.ts';
import { rotateOwnKeyEndpoint } from './account/rotate-own-key.ts';
import { signUpEndpoint } from './account/sign-up.ts';
import { configEndpoint } from './admin/config.ts';
import { createConsumerEndpoint } from './admin/create-consumer.ts';
import { disableConsumerEndpoint } from './admin/disable-consumer.ts';
import { eraseConsumerEndpoint } from './admin/erase-consumer.ts';
import { generateKeyEndpoint } from './admin/generate-key.ts';
import { getConsumerEndpoint } from './admin/get-consumer.ts';
import { getKeyEndpoint } from './admin/get-key.ts';
import { listAuditEndpoint } from './admin/list-audit.ts';
import { listConsumersEndpoint } from './admin/list-consumers.ts';
import { listKeysEndpoint } from './admin/list-keys.ts';
import { reloadEndpoint } from './admin/reload.ts';
import { resetBreakerEndpoint } from './admin/reset-breaker.ts';
import { revokeKeyEndpoint } from './admin/revoke-key.ts';
import { revokeTokensEndpoint } from './admin/revoke-tokens.ts';
import { rotateKeyEndpoint } from './admin/rotate-key.ts';
import { servicesEndpoint } from './admin/services.ts';
import { updateConsumerEndpoint } from './admin/update-consumer.ts';
import { updateKeyEndpoint } from './admin/update-key.ts';
import { usageReportEndpoint } from './admin/usage.ts';
import { authTokenEndpoint } from './auth-token.ts';
import { docsAssetEndpoint } from './docs/asset.ts';
import { docsPageEndpoint } from './docs/page.ts';
import { openApiEndpoint } from './docs/openapi.ts';
import type { Endpoint } from './endpoint.ts';
import { detailedHealthEndpoint } from './health-detailed.ts';
import { healthEndpoint } from './health.ts';
import { metricsEndpoint } from './metrics.ts';
import { readyEndpoint } from './ready.ts';
import { rootEndpoint } from './root.ts';
import { usageEndpoint } from './usage.ts';

/** Everything the gateway itself answers. */
export const ENDPOINTS: readonly Endpoint[] = [
  rootEndpoint,
  healthEndpoint,
  detailedHealthEndpoint,
  readyEndpoint,
  metricsEndpoint,
  openApiEndpoint,
  docsPageEndpoint,
  docsAssetEndpoint,
  authTokenEndpoint,
  signUpEndpoint,
  loginEndpoint,
  refreshEndpoint,
  logoutEndpoint,
  meEndpoint,
  usageEndpoint,
  createOwnKeyEndpoint,
  listOwnKeysEndpoint,
  revokeOwnKeyEndpoint,
  rotateOwnKeyEndpoint,
  generateKeyEndpoint,
  listKeysEndpoint,
  getKeyEndpoint,
  updateKeyEndpoint,
  revokeKeyEndpoint,
  rotateKeyEndpoint,
  listConsumersEndpoint,
  createConsumerEndpoint,
  getConsumerEndpoint,
  updateConsumerEndpoint,
  disableConsumerEndpoint,
  eraseConsumerEndpoint,
  revokeTokensEndpoint,
  servicesEndpoint,
  resetBreakerEndpoint,
  listAuditEndpoint,
  usageReportEndpoint,
  configEndpoint,
  reloadEndpoint,
];
