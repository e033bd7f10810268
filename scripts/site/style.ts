/** How the site looks: for reading, light and dark, on any width. */
export const style = `
:root { color-scheme: light dark; --line: light-dark(#d8dee4, #30363d); --soft: light-dark(#f6f8fa, #161b22); --link: light-dark(#0b5cad, #6cb6ff); }
body { margin: 0; display: grid; grid-template-columns: 16rem minmax(0, 1fr); font: 16px/1.55 system-ui, sans-serif; }
nav { padding: 1.5rem; border-right: 1px solid var(--line); position: sticky; top: 0; height: 100vh; box-sizing: border-box; overflow-y: auto; }
nav h2 { font-size: .8rem; text-transform: uppercase; letter-spacing: .05em; margin: 1rem 0 .25rem; border: 0; }
nav ul { list-style: none; margin: 0; padding: 0; }
nav a { display: block; padding: .15rem 0; text-decoration: none; }
nav a[aria-current] { font-weight: 600; color: inherit; }
main { padding: 1.5rem 2.5rem 4rem; max-width: 56rem; }
a { color: var(--link); }
h2 { border-bottom: 1px solid var(--line); padding-bottom: .2rem; }
pre, table { display: block; overflow-x: auto; }
pre { background: var(--soft); padding: 1rem; border-radius: 6px; }
code { font: .9em ui-monospace, monospace; }
table { border-collapse: collapse; }
th, td { border: 1px solid var(--line); padding: .4rem .7rem; text-align: left; vertical-align: top; }
img { max-width: 100%; }
@media (max-width: 50rem) { body { display: block; } nav { position: static; height: auto; border-right: 0; border-bottom: 1px solid var(--line); } main { padding: 1rem; } }
`;
