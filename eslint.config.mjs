import tseslint from 'typescript-eslint';

/** Which packages a package may import. Nothing imports the gateway but tests and benchmarks. */
const ARROWS = {
  protocol: [],
  crypto: ['protocol'],
  chaincode: ['protocol', 'crypto/core', 'crypto/native', 'crypto/testing'],
  network: ['protocol'],
  verifier: ['protocol', 'crypto', 'crypto/testing'],
  'gateway/client': ['protocol', 'crypto/core'],
  gateway: ['protocol', 'crypto', 'crypto/testing', 'network', 'chaincode/embedded', 'client', 'client/node'],
};
/** A dealer sees the key, so only what tests may reach one. */
const DEALER = '[source.value=/^@careledger.crypto.testing$|(threshold|dkg).engine.(dealer|factor)/]';
const TEST_SUPPORT = [
  '**/*.test.ts',
  '**/*test-support.ts',
  '{chaincode,verifier}/src/testing/**',
  '{test,bench}/**',
];

const arrow = (name) => {
  const allowed = ARROWS[name];
  return {
    regex: `^@careledger/(?!(${allowed.length === 0 ? '-' : allowed.join('|')})$)`,
    message: `${name} may import ${allowed.length === 0 ? 'no other package' : allowed.join(', ')}.`,
  };
};
const forbidImports = (...patterns) => ({ 'no-restricted-imports': ['error', { patterns }] });
const arrowRules = Object.keys(ARROWS).map((name) => ({
  files: [`${name}/src/**/*.ts`],
  rules: forbidImports(arrow(name)),
}));

export default tseslint.config(
  { ignores: ['**/dist/**', '**/node_modules/**', '.careledger/**', '/samples/**'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      complexity: ['error', 10],
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
      'no-warning-comments': ['error', { terms: ['todo', 'fixme', 'xxx', 'hack'], location: 'start' }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true }],
      '@typescript-eslint/return-await': ['error', 'in-try-catch'],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
    },
  },
  ...arrowRules,
  {
    files: ['gateway/client/src/*.ts'],
    ignores: ['**/*.test.ts'],
    rules: forbidImports(arrow('gateway/client'), {
      regex: '^node:',
      message: 'The client runs in a browser; files are in gateway/client/src/node.',
    }),
  },
  {
    files: ['gateway/client/src/node/**/*.ts'],
    rules: forbidImports({
      regex: '^@careledger/(?!(protocol|crypto)$)',
      message: 'client/node may import protocol, crypto.',
    }),
  },
  {
    files: ['gateway/src/!(adapters)/**/*.ts'],
    ignores: ['gateway/src/app/**'],
    rules: forbidImports(
      arrow('gateway'),
      { regex: '^@careledger/chaincode', message: 'Only the embedded ledger adapter runs the contracts.' },
      { regex: '/adapters/', message: 'Services know ports, not adapters; gateway/src/app assembles them.' },
    ),
  },
  {
    files: [
      'crypto/src/{core,dkg,erasure,ibe,lockstep,paillier,pairing,panel,pre,sharing,threshold}/**/*.ts',
    ],
    ignores: ['**/*.test.ts', '**/engine/**'],
    rules: forbidImports({
      regex: '^(node:|@careledger/)',
      message: 'Outside engine/ and node/ the package is pure: it runs in a browser and in chaincode.',
    }),
  },
  {
    files: ['**/*.ts'],
    ignores: [...TEST_SUPPORT, 'crypto/src/testing.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        { selector: DEALER, message: 'A dealer sees the key: only tests and benchmarks may import one.' },
      ],
    },
  },
  {
    files: ['**/*.test.ts', 'test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-unused-expressions': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      'max-lines': 'off',
    },
  },
);
