import { Rejection } from '../../errors/rejection.ts';

/** 400: not what the field takes. `form` completes "must be". */
export function wrongType(param: string, form: string): Rejection {
  return new Rejection('VALIDATION_ERROR', `"${param}" must be ${form}.`, { facts: { param } });
}

/** 400: a field that has to be there is not. */
export function missing(param: string, form: string): Rejection {
  return new Rejection('VALIDATION_ERROR', `"${param}" is missing: it must be ${form}.`, { facts: { param } });
}

/** 422: of the right type, but nothing can be done with it. `why` completes the name of the field. */
export function unusable(param: string, why: string): Rejection {
  return new Rejection('VALUE_ERROR', `"${param}" ${why}.`, { facts: { param } });
}
