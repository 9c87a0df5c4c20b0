/** Packaging: what `setup()` runs, installing packages from code, hooks into importing. */
import type { Context, Rule, Site } from '../../api.js';
import { urlQualifiers } from '../../strings.js';
import { known, type Value } from '../../values.js';
import { itemsOf, settle, stringOf } from './core.js';
import { argument, callMethodOf, label, result, rule } from './site.js';

/** Commands that pip runs, directly or on its way to a wheel or an editable install. */
const INSTALL_COMMANDS =
  /^(install|develop|egg_info|build|build_py|build_ext|build_clib|build_scripts|bdist_wheel|bdist_egg|editable_wheel|dist_info|sdist|install_lib|install_scripts|install_data|install_egg_info|clean|easy_install)$/;

function setup(site: Site, context: Context): Value | undefined {
  const options = settle(site.keywords.get('**'));
  const option = (name: string): Value | undefined =>
    site.keywords.get(name) ?? (options === undefined ? undefined : context.property(options, name));
  for (const name of ['install_requires', 'setup_requires', 'dependency_links', 'requires']) {
    for (const item of itemsOf(option(name)) ?? []) {
      const text = stringOf(item);
      if (text !== undefined && /:\/\//.test(text)) {
        context.emit('install-package', {
          qualifiers: urlQualifiers(text.replace(/^.*@\s*/, '')),
          detail: text,
        });
      }
    }
  }
  if ((itemsOf(option('ext_modules')) ?? []).length > 0)
    context.emit('run-build-tool', { detail: 'ext_modules' });
  const commands = settle(option('cmdclass'));
  if (commands?.kind === 'dict') {
    for (const [name, command] of commands.entries) {
      if (INSTALL_COMMANDS.test(name)) runCommandClass(context, command);
    }
  }
  return known(null);
}

/** distutils makes the command, prepares it and runs it. */
function runCommandClass(context: Context, command: Value): void {
  const options = command.kind === 'choice' ? command.options : [command];
  for (const option of options) {
    if (option.kind !== 'class' && option.kind !== 'func') continue;
    const instance = context.call(option, []);
    for (const method of ['initialize_options', 'finalize_options', 'run'])
      callMethodOf(context, instance, method, []);
  }
}

const PIP = /\binstall\b/;

export const packagingRules: readonly Rule[] = [
  rule(
    '{setuptools.setup,distutils.core.setup,setuptools.core.setup,skbuild.setup,numpy.distutils.core.setup,setuptools.dist.setup}',
    setup,
  ),
  rule(
    '{pip.main,pip._internal.main,pip._internal.cli.main.main,pip._internal.main.main,pip._internal.cli.main,setuptools.command.easy_install.main}',
    (site, context) => {
      const words = (itemsOf(site.args[0]) ?? []).map((w) => context.text(w) ?? '?');
      if (words.length === 0 || PIP.test(words.join(' ')))
        context.emit('install-package', { detail: words.join(' ') });
      return undefined;
    },
  ),
  rule('{ensurepip.bootstrap,pkg_resources.require,pkg_resources.working_set.require}', () => undefined),
  rule('{sys.meta_path,sys.path_hooks}.{insert,append}', (site, context) => {
    context.emit('hook-import', { detail: site.path });
    return undefined;
  }),
  rule(
    '{sys.modules.*,sys.meta_path,builtins.__import__,sys.path_hooks}',
    (site, context) => {
      context.emit('hook-import', { detail: site.path });
      return undefined;
    },
    'write',
  ),
  rule(
    'builtins.*',
    (site, context) => {
      if (
        !site.path.endsWith('__import__') &&
        !/builtins\.(_|raw_input|unicode|xrange|long|unichr|profile|reduce)$/.test(site.path)
      ) {
        context.emit('override-builtin', { detail: site.path });
      }
      return undefined;
    },
    'write',
  ),
  rule(
    'sys.modules.*',
    (site, context) => context.importModule(site.path.slice('sys.modules.'.length)),
    'read',
  ),
  rule('{site.addsitedir,site.main}', (site, context) => {
    context.emit('hook-import', { detail: site.path });
    return undefined;
  }),
  rule('twine.commands.upload.upload', (site, context) => {
    context.emit('publish-package', { detail: site.path });
    return undefined;
  }),
  rule('site.{getsitepackages,getusersitepackages}', (site) => {
    const path = known('/usr/lib/python3/site-packages');
    return site.path.endsWith('getsitepackages')
      ? { kind: 'list', items: [path], open: false, labels: label() }
      : path;
  }),
  rule('{sysconfig.get_paths,sysconfig.get_path,distutils.sysconfig.get_python_lib}', (site, context) => {
    const name = context.text(argument(site, 0, 'name'));
    if (site.path.endsWith('get_python_lib') || name === 'purelib' || name === 'platlib') {
      return known('/usr/lib/python3/site-packages');
    }
    return result(site);
  }),
  rule('sysconfig.get_paths().{purelib,platlib}', () => known('/usr/lib/python3/site-packages'), 'read'),
];
