// Bundles the entry modules and the style sheets of the packages they use into the folder given.
// Called by build.py, which finds Node, installs the packages and stamps the result.
import { build } from 'esbuild';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const outdir = process.argv[2];
if (!outdir) {
  console.error('usage: node build.mjs OUTPUT-FOLDER');
  process.exit(2);
}

const result = await build({
  entryPoints: ['diagram.mjs', 'page.mjs', 'diagram.css'],
  outdir,
  bundle: true,
  minify: true,
  format: 'esm',
  target: ['es2022'],
  charset: 'utf8',
  legalComments: 'none', // gathered in third-party.txt
  metafile: true,
  logLevel: 'warning',
  assetNames: '[name]',
  loader: { '.woff2': 'file', '.woff': 'empty', '.ttf': 'empty', '.eot': 'empty', '.svg': 'empty' },
});

await writeFile(join(outdir, 'third-party.txt'), await licences(Object.keys(result.metafile.inputs)));

/** The licence texts of every package that went into the bundles. */
async function licences(inputs) {
  const names = new Set();
  for (const input of inputs) {
    const match = input.match(/^node_modules\/((?:@[^/]+\/)?[^/]+)\//);
    if (match) names.add(match[1]);
  }
  const texts = [];
  for (const name of [...names].sort()) {
    const folder = join('node_modules', name);
    const { version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
    const file = (await readdir(folder)).find(entry => /^licen[cs]e/i.test(entry));
    const text = file ? await readFile(join(folder, file), 'utf8') : `Licence: ${license}`;
    texts.push(`${name} ${version}\n${'-'.repeat(name.length + version.length + 1)}\n\n${text.trim()}\n`);
  }
  return texts.join('\n\n');
}
