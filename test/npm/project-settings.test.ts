import { deepEqual } from 'node:assert/strict';
import { projectSettings } from '../../lib/npm/project-settings.js';

const risks = (settings: Record<string, unknown>, known: string[] = [], own: Record<string, unknown> = {}) =>
  projectSettings({ projectSettings: settings, userSettings: own }, known).map(
    ({ key, risk }) => `${key} ${risk}`,
  );

describe("a project's .npmrc", () => {
  it('is named where it brings a program', () => {
    const programs = {
      'script-shell': './x.sh',
      git: './git',
      'node-options': '--require ./x.js',
      'node-gyp': './y',
    };
    deepEqual(
      risks(programs),
      Object.keys(programs).map((key) => `${key} program`),
    );
  });

  it('is named where what is fetched can be changed on the way', () => {
    const insecure = {
      registry: 'http://r.invalid/',
      '@a:registry': 'http://s.invalid/',
      'strict-ssl': false,
      cafile: './ca.pem',
    };
    deepEqual(
      risks(insecure),
      Object.keys(insecure).map((key) => `${key} insecure`),
    );
  });

  it('is not named for what is common', () => {
    const common = {
      registry: 'https://registry.npmjs.org/',
      '@a:registry': 'http://127.0.0.1:4873/',
      'strict-ssl': true,
    };
    deepEqual(
      risks({ ...common, 'save-exact': true, omit: ['dev'], 'legacy-peer-deps': true, 'script-shell': null }),
      [],
    );
  });

  it('is named where it brings a registry that the user has neither named nor a login for', () => {
    const foreign = { registry: 'https://npm.corp.invalid/', '@a:registry': 'https://npm.corp.invalid/a/' };
    deepEqual(risks(foreign), ['registry foreign', '@a:registry foreign']);
    deepEqual(
      risks(foreign, [], { registry: 'https://other.invalid/', '//npm.corp.invalid.x/:_auth': 'x' }),
      ['registry foreign', '@a:registry foreign'],
    );
    deepEqual(risks(foreign, [], { '@b:registry': 'https://npm.corp.invalid/b/' }), []);
    deepEqual(risks(foreign, [], { '//npm.corp.invalid/:_authToken': 'x' }), []);
  });

  it("is not named for the hook's own lines", () => {
    deepEqual(
      risks({ 'script-shell': 'mine', registry: 'http://own.invalid/' }, [
        'script-shell=mine',
        'registry=http://own.invalid/',
      ]),
      [],
    );
  });
});
