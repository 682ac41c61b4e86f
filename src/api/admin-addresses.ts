import type { Settings } from '../config/settings-schema.ts';
import { Rejection } from '../errors/rejection.ts';
import { type AddressSet, compileAddressSet } from '../lib/address-set.ts';
import type { Endpoint } from './endpoint.ts';

/** True for what `settings.admin.ip` guards: everything under `/admin`. */
export function isAdministration({ path }: Pick<Endpoint, 'path'>): boolean {
  return path.startsWith('/admin/');
}

/** `undefined` where every address may administer. */
export function allowedBy(ip: Settings['admin']['ip']): AddressSet | undefined {
  if (!ip || (ip.allow.length === 0 && ip.deny.length === 0)) return undefined;
  const isDenied = compileAddressSet(ip.deny);
  const isListed = ip.allow.length === 0 ? () => true : compileAddressSet(ip.allow);
  return (address) => isListed(address) && !isDenied(address);
}

export function elsewhere(address: string): Rejection {
  return new Rejection('IP_NOT_ALLOWED', `settings.admin.ip does not let ${address} administer this gateway.`);
}
