import { isMap, parseDocument } from 'yaml';

/**
 * The configuration with its data in this folder, unless it names one: two suites in one working directory must not
 * find each other's files. Other files are passed on unchanged.
 */
export function withDataDir(yaml: string, folder: string): string {
  const document = parseDocument(yaml);
  if (document.errors.length > 0 || !isMap(document.contents)) return yaml;
  const settings = document.get('settings');
  if (document.has('settings') && !isMap(settings)) return yaml;
  if (document.hasIn(['settings', 'data_dir'])) return yaml;
  document.setIn(['settings', 'data_dir'], folder);
  return document.toString();
}
