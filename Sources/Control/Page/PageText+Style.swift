extension PageText {
    /// How the page looks: light and dark, from 360 pixels on.
    static let style = #"""
        :root {
          color-scheme: light dark;
          --back: #f4f5f7; --surface: #ffffff; --raised: #f0f2f5; --line: #d9dee4;
          --text: #1a1f25; --muted: #57616c; --accent: #0b5fbd; --second: #a04a00;
          --good: #14683a; --good-back: #e0f2e7; --bad: #b01c14; --bad-back: #fde8e6;
          --warn: #7a4d00; --warn-back: #fcefd2; --bar: #dfe4ea;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --back: #0d1015; --surface: #151a21; --raised: #1c222b; --line: #2a313b;
            --text: #e5e9ee; --muted: #9aa5b1; --accent: #6fb1ff; --second: #f0a562;
            --good: #6bd495; --good-back: #12301f; --bad: #ff958c; --bad-back: #3d1a18;
            --warn: #ecc06a; --warn-back: #352a10; --bar: #2a313b;
          }
        }
        * { box-sizing: border-box; }
        [hidden] { display: none !important; }
        html { font-size: 100%; -webkit-text-size-adjust: 100%; }
        body {
          margin: 0; background: var(--back); color: var(--text);
          font: 0.875rem/1.45 system-ui, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
          font-variant-numeric: tabular-nums;
        }
        h1, h2, h3, dl, dd, p, figure { margin: 0; }
        h1 { font-size: 1.0625rem; font-weight: 650; letter-spacing: -0.01em; }
        h2 { font-size: 0.9375rem; font-weight: 650; }
        h3 { font-size: 0.8125rem; font-weight: 650; margin-bottom: 0.375rem; }
        a { color: var(--accent); }
        .muted, .count { color: var(--muted); }
        .count { font-weight: 400; font-size: 0.8125rem; }
        .grow { flex: 1; }
        .mono, .url { font-family: ui-monospace, "Cascadia Mono", "DejaVu Sans Mono", Menlo, monospace; font-size: 0.8125rem; }
        .sr-only {
          position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%);
          white-space: nowrap;
        }
        .skip { position: absolute; left: -999rem; background: var(--surface); padding: 0.5rem 0.75rem; z-index: 3; }
        .skip:focus { left: 0.5rem; top: 0.5rem; }
        :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 3px; }
        #sessions:focus, #detail-title:focus { outline: none; }

        .top {
          display: flex; flex-wrap: wrap; align-items: center; gap: 0.25rem 0.75rem; position: sticky; top: 0; z-index: 2;
          padding: 0.625rem 1.25rem; background: var(--surface); border-bottom: 1px solid var(--line);
        }
        #updated { min-width: 9.5rem; text-align: right; }
        .pill {
          padding: 0.0625rem 0.5625rem; border-radius: 1rem; font-size: 0.8125rem; font-weight: 600; white-space: nowrap;
          background: var(--raised); color: var(--muted);
        }
        .pill[data-state="good"] { background: var(--good-back); color: var(--good); }
        .pill[data-state="bad"] { background: var(--bad-back); color: var(--bad); }
        .pill[data-state="warn"] { background: var(--warn-back); color: var(--warn); }
        .banner {
          padding: 0.625rem 1.25rem; background: var(--bad-back); color: var(--bad); font-weight: 600;
          border-bottom: 1px solid var(--line); white-space: pre-line;
        }
        .banner[data-state="warn"] { background: var(--warn-back); color: var(--warn); }

        main { display: grid; gap: 1.25rem; padding: 1.25rem; max-width: 110rem; margin: 0 auto; }
        main.stale .tiles, main.stale table, main.stale figure, main.stale .facts { opacity: 0.55; }
        main > * { min-width: 0; }
        .heading { display: flex; flex-wrap: wrap; align-items: center; gap: 0.375rem 0.75rem; min-height: 1.875rem; margin-bottom: 0.375rem; }
        .panel, .tile, figure { background: var(--surface); border: 1px solid var(--line); border-radius: 0.5rem; }
        .panel { padding: 0.75rem 0.875rem; min-width: 0; }

        .tiles { display: grid; gap: 0.75rem; grid-template-columns: repeat(auto-fit, minmax(11.5rem, 1fr)); }
        .tile { padding: 0.625rem 0.875rem 0.6875rem; min-width: 0; }
        .tile dt { color: var(--muted); font-size: 0.8125rem; }
        .tile dd { color: var(--muted); font-size: 0.8125rem; min-height: 1.2rem; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
        .tile dd.big { color: var(--text); font-size: 1.5rem; line-height: 1.3; font-weight: 600; letter-spacing: -0.015em; }
        .unit { font-size: 0.62em; font-weight: 500; color: var(--muted); margin-left: 0.2em; letter-spacing: 0; }

        .figures { display: grid; gap: 0.75rem; grid-template-columns: repeat(auto-fit, minmax(19rem, 1fr)); }
        figure { padding: 0.625rem 0.875rem; min-width: 0; }
        figcaption { display: flex; flex-wrap: wrap; gap: 0 1rem; font-size: 0.8125rem; min-height: 1.25rem; }
        figcaption b { font-weight: 600; width: 100%; }
        .key { color: var(--muted); white-space: nowrap; }
        .key::before { content: ""; display: inline-block; width: 0.875rem; border-top: 2px solid var(--accent); margin-right: 0.375rem; vertical-align: middle; }
        .key.second::before { border-top: 2px dashed var(--second); }
        .key span { color: var(--text); }
        .plot { position: relative; padding-top: 1.125rem; }
        .plot svg { display: block; width: 100%; height: 7.5rem; overflow: visible; }
        .plot .most { position: absolute; left: 0; top: 0; font-size: 0.75rem; color: var(--muted); }
        .plot .none { position: absolute; inset: 0; display: grid; place-content: center; color: var(--muted); }
        .ends { display: flex; justify-content: space-between; font-size: 0.75rem; color: var(--muted); }
        .grid { stroke: var(--line); stroke-width: 1; vector-effect: non-scaling-stroke; }
        .area { fill: var(--accent); opacity: 0.14; }
        .line, .dashed { fill: none; stroke: var(--accent); stroke-width: 1.75; vector-effect: non-scaling-stroke; stroke-linejoin: round; }
        .dashed { stroke: var(--second); stroke-dasharray: 5 3; }
        .cursor { stroke: var(--muted); stroke-width: 1; vector-effect: non-scaling-stroke; }

        .columns { display: grid; gap: 1.25rem; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); }
        .scroll { height: 19rem; overflow: auto; margin: 0 -0.875rem -0.75rem; padding: 0 0.875rem 0.5rem; scrollbar-width: thin; }
        .scroll.tall { height: auto; min-height: 12rem; max-height: 36rem; }
        .scroll:focus-visible { outline-offset: -2px; }
        table { width: 100%; border-collapse: collapse; }
        th { text-align: left; font-weight: 500; font-size: 0.8125rem; color: var(--muted); padding: 0.25rem 0.75rem 0.25rem 0; white-space: nowrap; }
        .scroll th { position: sticky; top: 0; background: var(--surface); box-shadow: inset 0 -1px var(--line); z-index: 1; }
        td { padding: 0.3125rem 0.75rem 0.3125rem 0; border-top: 1px solid var(--line); vertical-align: top; }
        .scroll tbody tr:first-child td { border-top: 0; }
        th:last-child, td:last-child { padding-right: 0; }
        .number { text-align: right; white-space: nowrap; }
        tr[aria-selected="true"] td, tr.selected td { background: var(--raised); box-shadow: none; }
        tr.selected td:first-child { box-shadow: inset 3px 0 var(--accent); }
        #sessions td:first-child, #sessions th:first-child { padding-left: 0.5rem; }
        .empty { color: var(--muted); padding: 1.5rem 0; text-align: center; }
        .empty.small { padding: 0.25rem 0; text-align: left; }
        .note { color: var(--warn); background: var(--warn-back); border-radius: 0.375rem; padding: 0.375rem 0.625rem; margin: 0.5rem 0; white-space: pre-line; }

        button, input {
          font: inherit; color: inherit; background: var(--surface); border: 1px solid var(--line); border-radius: 0.375rem;
          padding: 0.1875rem 0.625rem;
        }
        button { cursor: pointer; }
        button:hover { background: var(--raised); }
        input[type="search"] { width: 11rem; margin-left: auto; }
        input::placeholder { color: var(--muted); opacity: 1; }
        .choices { display: flex; flex-wrap: wrap; gap: 0.375rem; }
        .choices button[aria-pressed="true"] { background: var(--raised); border-color: var(--muted); font-weight: 600; }
        #range { margin-left: auto; }
        button.link {
          border: 0; padding: 0; background: none; color: var(--accent); text-align: left; font-weight: 600; max-width: 100%;
          overflow-wrap: anywhere;
        }
        button.link bdi { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; overflow: hidden; }
        button.link:hover { text-decoration: underline; background: none; }
        .id { display: block; color: var(--muted); font-weight: 400; }
        .id:empty { display: none; }
        .narrow { display: none; }

        .url { display: flex; min-width: 0; max-width: 100%; }
        .url .head { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; flex: 0 1000 auto; min-width: 4ch; color: var(--muted); }
        .url .head:empty { display: none; }
        .url .tail { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; flex: 0 1 auto; min-width: 30%; }
        .url.open, .url:focus { flex-wrap: wrap; }
        .url.open .head, .url.open .tail, .url:focus .head, .url:focus .tail { white-space: normal; overflow-wrap: anywhere; flex: 0 1 auto; }
        .transfers, .exchanges { table-layout: fixed; }
        .transfers th:nth-child(2) { width: 19%; } .transfers th:nth-child(3) { width: 10rem; } .transfers th:nth-child(4) { width: 5.5rem; }
        .exchanges th:nth-child(1) { width: 4rem; } .exchanges th:nth-child(2) { width: 7.5rem; }
        .exchanges th:nth-child(4) { width: 6rem; } .exchanges th:nth-child(5) { width: 6.5rem; } .exchanges th:nth-child(6) { width: 30%; }
        .clip { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
        .wrap { overflow-wrap: anywhere; }
        progress { display: block; width: 100%; height: 0.375rem; border: 0; border-radius: 1rem; overflow: hidden; appearance: none; background: var(--bar); margin-top: 0.3125rem; }
        progress::-webkit-progress-bar { background: var(--bar); }
        progress::-webkit-progress-value { background: var(--accent); }
        progress::-moz-progress-bar { background: var(--accent); }
        progress.none { visibility: hidden; }
        .verdict { white-space: nowrap; font-weight: 600; font-size: 0.8125rem; }
        .verdict[data-state="good"] { color: var(--good); } .verdict[data-state="bad"] { color: var(--bad); }
        .verdict[data-state="warn"] { color: var(--warn); } .verdict[data-state="plain"] { color: var(--muted); font-weight: 500; }
        .expand { display: flex; gap: 0.375rem; align-items: baseline; border: 0; padding: 0; background: none; width: 100%; text-align: left; min-width: 0; }
        .expand:hover { background: none; }
        .expand::before { content: "▸"; color: var(--muted); font-size: 0.75rem; flex: none; }
        .expand[aria-expanded="true"]::before { content: "▾"; }
        .expand .url { flex: 1; }
        .more { color: var(--muted); font-size: 0.8125rem; padding: 0.25rem 0 0.25rem 1.125rem; display: grid; gap: 0.125rem; overflow-wrap: anywhere; }
        .more b { color: var(--text); font-weight: 600; }

        .inside { columns: 4 19rem; column-gap: 0.75rem; }
        .inside .panel { break-inside: avoid; margin-bottom: 0.75rem; }
        .inside td { border-top: 0; padding-top: 0.125rem; padding-bottom: 0.125rem; }
        .facts { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 0.125rem 1rem; }
        .facts dt { color: var(--muted); }
        .facts dd { overflow-wrap: anywhere; }
        .inside .facts dd { text-align: right; white-space: nowrap; }
        #detail-facts { display: flex; flex-wrap: wrap; gap: 0.25rem 1.75rem; margin: 0.25rem 0 0.625rem; }
        #detail-facts div { display: flex; gap: 0.5rem; min-width: 0; }
        #detail-facts dt { flex: none; }
        #detail-filter { margin-bottom: 0.5rem; }
        footer { display: flex; gap: 1rem; padding: 0 1.25rem 1.5rem; max-width: 110rem; margin: 0 auto; }

        @media (max-width: 62rem) { .columns { grid-template-columns: minmax(0, 1fr); } }
        @media (max-width: 44rem) {
          main { padding: 0.75rem; gap: 1rem; }
          .top { padding: 0.5rem 0.75rem; position: static; }
          .banner { padding: 0.5rem 0.75rem; }
          #uptime { display: none; }
          #updated { min-width: 0; }
          .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 0.5rem; }
          .tile { padding: 0.5rem 0.625rem; }
          .tile dd.big { font-size: 1.25rem; }
          .tile dd { white-space: normal; min-height: 2.4rem; }
          .tile dd.big { min-height: 0; }
          .figures { grid-template-columns: minmax(0, 1fr); }
          .scroll { height: auto; min-height: 6rem; max-height: 24rem; }
          .wide { display: none; }
          th, td { padding-right: 0.5rem; }
          #sessions td:first-child, #sessions th:first-child { padding-left: 0.375rem; }
          .narrow { display: block; color: var(--muted); }
          .mono, .url { font-size: 0.75rem; }
          .transfers th:nth-child(3) { width: 9rem; }
          /* A row of the exchanges takes three lines: verdict and size, what, and why. */
          .exchanges, .exchanges tbody { display: block; }
          .exchanges thead { position: absolute; clip-path: inset(50%); }
          .exchanges tr { display: grid; grid-template-columns: 1fr auto; border-top: 1px solid var(--line); padding: 0.25rem 0; }
          .exchanges tr:first-child { border-top: 0; }
          .exchanges td { border-top: 0; padding: 0.0625rem 0; }
          .exchanges td:nth-child(3) { order: 1; grid-column: 1 / -1; min-width: 0; }
          .exchanges td:nth-child(6) { order: 2; grid-column: 1 / -1; padding-left: 1.125rem; color: var(--muted); min-width: 0; }
          .exchanges td:nth-child(6):empty { display: none; }
          input[type="search"] { width: 8rem; }
          footer { padding: 0 0.75rem 1rem; }
        }
        @media (prefers-reduced-motion: no-preference) { .pill, main.stale * { transition: opacity 0.2s, background-color 0.2s; } }
        @media (forced-colors: active) { .pill, .panel, .tile, figure { border: 1px solid; } }

        """#
}
