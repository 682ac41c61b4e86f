/** A longer key is none of these. */
const LONGEST = 60;

/** Fields by which the gateway decides, or by which it estimates what a request may use. */
const DECISIVE: ReadonlySet<string> = new Set([
  'model',
  'models',
  'fallbacks',
  'engine',
  'deployment',
  'deployment_id',
  'model_id',
  'model_name',
  'extra_body',
  'user_config',
  'model_list',
  'litellm_params',
  'router_settings',
  'provider',
  'plugins',
  'tools',
  'stream',
  'stream_options',
  'background',
  'previous_response_id',
  'conversation',
  'service_tier',
  'n',
  'best_of',
  'max_tokens',
  'max_completion_tokens',
  'max_output_tokens',
]);

/**
 * The field that a reader which ignores case would take it for. Such readers are common (Go's `encoding/json`, where
 * the long s is an s, too), and of two spellings they use the last.
 */
export function decisiveField(key: string): string | undefined {
  const folded = key.length > LONGEST ? key : key.toUpperCase().toLowerCase();
  return folded !== key && DECISIVE.has(folded) ? folded : undefined;
}
