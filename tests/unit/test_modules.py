"""Names followed through imports, barrels, aliases and cycles."""
# ruff: noqa: E501 - a case of several small files reads best on one line

import json

import pytest

from support.scripts import START, an_evaluator, plain

CASES = {
    "named": {"main.ts": "import {x} from './a'; export const result = x", "a.ts": "export const x = 1"},
    "renamed": {"main.ts": "import {y as x} from './a'; export const result = x", "a.ts": "const x = 1; export {x as y}"},
    "default": {"main.ts": "import x from './a'; export const result = x", "a.ts": "export default 1"},
    "default of a name": {"main.ts": "import x from './a'; export const result = x", "a.ts": "const y = 1; export default y"},
    "namespace": {"main.ts": "import * as a from './a'; export const result = a.x", "a.ts": "export const x = 1"},
    "barrel": {"main.ts": "import {x} from './lib'; export const result = x", "lib/index.ts": "export * from './a'", "lib/a.ts": "export const x = 1"},
    "barrel of barrels": {"main.ts": "import {x} from './l'; export const result = x", "l/index.ts": "export * from './m'", "l/m/index.ts": "export {x} from './a'", "l/m/a.ts": "export const x = 1"},
    "export star as": {"main.ts": "import {n} from './b'; export const result = n.x", "b.ts": "export * as n from './a'", "a.ts": "export const x = 1"},
    "compiled extension": {"main.ts": "import {x} from './a.js'; export const result = x", "a.ts": "export const x = 1"},
    "require": {"main.js": "const {x} = require('./a'); exports.result = x", "a.js": "module.exports = {x: 1}"},
    "require of a member": {"main.js": "const x = require('./a').x; module.exports.result = x", "a.js": "exports.x = 1"},
    "require of all": {"main.js": "const a = require('./a'); module.exports = {result: a.x}", "a.js": "exports.x = 1"},
    "require of a value": {"main.js": "const a = require('./a'); exports.result = a", "a.js": "module.exports = 1"},
    "default import of commonjs": {"main.ts": "import a from './a'; export const result = a.x", "a.js": "module.exports = {x: 1}"},
    "import equals": {"main.ts": "import a = require('./a'); export const result = a", "a.ts": "const x = 1; export = x"},
    "cycle": {"main.ts": "import {x} from './a'; export const one = 1; export const result = x", "a.ts": "import {one} from './main'; export const x = one"},
    "cycle of stars": {"main.ts": "import {x} from './a'; export const result = x", "a.ts": "export * from './b'", "b.ts": "export * from './a'; export const x = 1"},
    "paths": {"src/main.ts": "import {x} from '@/a'; export const result = x", "src/a.ts": "export const x = 1", "tsconfig.json": '{"compilerOptions": {"paths": {"@/*": ["./src/*"],},}, /* c */ }'},
    "baseUrl": {"src/main.ts": "import {x} from 'a/b'; export const result = x", "src/a/b.ts": "export const x = 1", "tsconfig.json": '{"compilerOptions": {"baseUrl": "src"}}'},
    "extends": {"app/src/main.ts": "import {x} from '~lib/a'; export const result = x", "lib/a.ts": "export const x = 1", "app/tsconfig.json": '{"extends": "../base"}', "base.json": '{"compilerOptions": {"baseUrl": ".", "paths": {"~lib/*": ["lib/*"]}}}'},
    "workspace": {"apps/a/main.ts": "import {x} from '@w/db'; export const result = x", "packages/db/package.json": '{"name": "@w/db"}', "packages/db/src/index.ts": "export const x = 1"},
    "workspace exports": {"apps/a/main.ts": "import {x} from '@w/db/k'; export const result = x", "packages/db/package.json": '{"name": "@w/db", "exports": {"./*": {"default": "./lib/*.js"}}}', "packages/db/lib/k.ts": "export const x = 1"},
    "own imports": {"main.ts": "import {x} from '#k'; export const result = x", "package.json": '{"imports": {"#k": "./lib/k.js"}}', "lib/k.ts": "export const x = 1"},
    "alias without tsconfig": {"src/main.ts": "import {x} from '@/lib/k'; export const result = x", "src/lib/k.ts": "export const x = 1"},
    "root path without tsconfig": {"src/main.ts": "import {x} from 'src/lib/k'; export const result = x", "src/lib/k.ts": "export const x = 1"},
}  # fmt: skip


@pytest.mark.parametrize("files", CASES.values(), ids=CASES)
def test_name_leads_to_its_value(files):
    main = next(path for path in files if "main" in path)

    assert 1 == plain(an_evaluator(files).export(main, "result", START))


def test_package_stays_a_name():
    files = {"main.ts": "import {Column as C} from 'typeorm'; export const result = C"}

    assert "<typeorm:Column>" == plain(an_evaluator(files).export("main.ts", "result", START))


def test_dependency_is_never_taken_for_a_file_of_the_source():
    files = {
        "main.ts": "import {x} from '@acme/lib/k'; export const result = x",
        "other/lib/k.ts": "export const x = 1",
        "package.json": json.dumps({"dependencies": {"@acme/lib": "1"}}),
    }

    assert "<@acme/lib/k:x>" == plain(an_evaluator(files).export("main.ts", "result", START))


@pytest.mark.timeout(20)
def test_every_module_reexporting_every_other_ends_soon():
    names = [f"m{i}" for i in range(40)]
    stars = "".join(f"export * from './{name}';" for name in names)
    files = {f"{name}.ts": stars for name in names}
    files["main.ts"] = "import {nothing} from './m0'; export const result = nothing"

    assert "does not export" in plain(an_evaluator(files).export("main.ts", "result", START))
