const OPENAI_MODEL = /^(?:openai\/)?(?:gpt-(?!oss)|chatgpt-|o\d)/i;
const REASONING_MODEL = /^(?:[\w.-]+\/)*(?:gpt-5|gpt-oss|o[134](?:-|$))/i;
/** Takes no effort together with tools on this API. */
const WITHOUT_TOOLS = /gpt-5\.[4-9]/i;
/** Models that report what they thought as `reasoning_content`, and of which some want it back with their calls. */
const OPEN_THINKER = /deepseek|kimi|glm|qwen|minimax|mimo|magistral/i;

/** OpenAI's own take `max_completion_tokens`, the newer ones nothing else. Most other servers only know `max_tokens`. */
export function isOpenaiModel(model: string): boolean {
  return OPENAI_MODEL.test(model);
}

/** A model that thinks, takes an effort, and refuses sampling fields. */
export function reasons(model: string): boolean {
  return REASONING_MODEL.test(model);
}

/** True where the model takes `reasoning_effort` in chat completions. */
export function takesEffort(model: string, hasTools: boolean): boolean {
  return reasons(model) && !(hasTools && WITHOUT_TOOLS.test(model));
}

export function thinksOpenly(model: string): boolean {
  return OPEN_THINKER.test(model);
}
