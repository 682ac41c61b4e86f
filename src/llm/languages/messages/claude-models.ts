/** What a model of Anthropic's takes, as far as its name tells. */
export interface ClaudeTraits {
  /** `none`: neither temperature nor top_p; `one`: one of the two. */
  readonly sampling: 'none' | 'one' | 'both';
  /** How it is asked to think. */
  readonly thinking: 'none' | 'budget' | 'adaptive';
  /** The longest answer it is asked for where the client sets no bound. */
  readonly usualOutput: number;
}

const UNKNOWN: ClaudeTraits = { sampling: 'one', thinking: 'none', usualOutput: 8_192 };
const OLD: ClaudeTraits = { sampling: 'both', thinking: 'none', usualOutput: 4_096 };

/** `claude-opus-4-7`, `anthropic.claude-sonnet-4-5-20250929-v1:0`, `claude-opus-5`. Dates are no minor versions. */
const NEW_NAME = /claude-(opus|sonnet|haiku)-(\d+)(?:[-.](\d{1,2}))?(?!\d)/;
const OLD_NAME = /claude-(?:2|instant|3)/;
/** Names without a version are of current models. */
const CURRENT_NAME = /claude-(?:fable|mythos)/;

/** https://docs.claude.com/en/docs/about-claude/models */
export function claudeTraits(model: string): ClaudeTraits {
  const [, family, major, minor] = NEW_NAME.exec(model) ?? [];
  if (CURRENT_NAME.test(model)) return traitsFor('opus', 5);
  if (family !== undefined) return traitsFor(family, Number(`${major}.${minor ?? 0}`));
  return /claude-3-7/.test(model) ? { ...OLD, thinking: 'budget', usualOutput: 8_192 } : oldOrUnknown(model);
}

function oldOrUnknown(model: string): ClaudeTraits {
  return OLD_NAME.test(model) ? OLD : UNKNOWN;
}

function traitsFor(family: string, version: number): ClaudeTraits {
  const isFixed = version >= 5 || (family === 'opus' && version >= 4.7);
  const isAdaptive = version >= 5 || (family !== 'haiku' && version >= 4.6);
  return {
    sampling: isFixed ? 'none' : 'one',
    thinking: isAdaptive ? 'adaptive' : 'budget',
    usualOutput: 16_384,
  };
}
