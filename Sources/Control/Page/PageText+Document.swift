extension PageText {
    /// What stands on the page; the scripts fill it.
    static let document = #"""
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>fetch-service</title>
        <link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' rx='4' fill='%230b63c5'/%3E%3Cpath d='M8 3v7M4.8 7.2 8 10.4l3.2-3.2M4 13h8' stroke='white' stroke-width='1.6' fill='none' stroke-linecap='round' stroke-linejoin='round'/%3E%3C/svg%3E">
        <link rel="stylesheet" href="/page/style.css">
        <script type="module" src="/page/app.js"></script>
        </head>
        <body>
        <a class="skip" href="#sessions">Skip to the sessions</a>
        <header class="top">
          <h1>fetch-service</h1>
          <span id="version" class="muted"></span>
          <span id="health" class="pill" data-state="wait">Connecting</span>
          <span class="grow"></span>
          <span id="uptime" class="muted"></span>
          <span id="updated" class="muted"></span>
        </header>
        <div id="banner" class="banner" role="alert" hidden></div>
        <noscript><p class="banner">This page needs JavaScript. The same numbers are at /metrics.</p></noscript>
        <main id="main" aria-busy="true">
          <section aria-labelledby="now-title">
            <h2 id="now-title" class="sr-only">Now</h2>
            <dl class="tiles">
              <div class="tile"><dt>To clients</dt><dd id="tile-out" class="big">–</dd><dd id="tile-out-more"></dd></div>
              <div class="tile"><dt>From origins</dt><dd id="tile-in" class="big">–</dd><dd id="tile-in-more"></dd></div>
              <div class="tile"><dt>Hit rate</dt><dd id="tile-hits" class="big">–</dd><dd id="tile-hits-more"></dd></div>
              <div class="tile"><dt>Requests</dt><dd id="tile-requests" class="big">–</dd><dd id="tile-requests-more"></dd></div>
              <div class="tile"><dt>Sessions</dt><dd id="tile-sessions" class="big">–</dd><dd id="tile-sessions-more"></dd></div>
              <div class="tile"><dt>Cache</dt><dd id="tile-cache" class="big">–</dd><dd id="tile-cache-more"></dd></div>
            </dl>
          </section>
          <section class="charts" aria-labelledby="charts-title">
            <div class="heading">
              <h2 id="charts-title">Over time</h2>
              <div id="range" class="choices" role="group" aria-label="Time shown">
                <button type="button" data-minutes="10" aria-pressed="true">10 min</button>
                <button type="button" data-minutes="60" aria-pressed="false">1 h</button>
              </div>
            </div>
            <div class="figures">
              <figure id="chart-bytes"></figure>
              <figure id="chart-hits"></figure>
              <figure id="chart-requests"></figure>
            </div>
          </section>
          <div class="columns">
            <section id="sessions" class="panel" aria-labelledby="sessions-title" tabindex="-1">
              <div class="heading">
                <h2 id="sessions-title">Sessions <span id="sessions-count" class="count"></span></h2>
                <input id="sessions-filter" type="search" placeholder="Filter" aria-label="Filter sessions by name, id or label" autocomplete="off" spellcheck="false">
              </div>
              <div class="scroll" tabindex="0" role="region" aria-labelledby="sessions-title">
                <table>
                  <thead><tr>
                    <th scope="col">Session</th><th scope="col" class="wide">Policy</th><th scope="col" class="number wide">Age</th>
                    <th scope="col" class="number">Requests</th><th scope="col" class="number wide">Refused</th>
                    <th scope="col" class="number">Delivered</th>
                  </tr></thead>
                  <tbody id="sessions-rows"></tbody>
                </table>
                <p id="sessions-empty" class="empty" hidden></p>
              </div>
            </section>
            <section class="panel" aria-labelledby="transfers-title">
              <div class="heading"><h2 id="transfers-title">Transfers <span id="transfers-count" class="count"></span></h2></div>
              <div class="scroll" tabindex="0" role="region" aria-labelledby="transfers-title">
                <table class="transfers">
                  <thead><tr>
                    <th scope="col">What</th><th scope="col" class="wide">Session</th>
                    <th scope="col" class="number">Progress</th><th scope="col" class="number wide">Speed</th>
                  </tr></thead>
                  <tbody id="transfers-rows"></tbody>
                </table>
                <p id="transfers-empty" class="empty" hidden></p>
              </div>
            </section>
          </div>
          <section id="detail" class="panel" aria-labelledby="detail-title" hidden>
            <div class="heading">
              <h2 id="detail-title" tabindex="-1">Session</h2>
              <span id="detail-state" class="pill" data-state="wait"></span>
              <span class="grow"></span>
              <button type="button" id="detail-close">Close</button>
            </div>
            <dl id="detail-facts" class="facts"></dl>
            <p id="detail-note" class="note" hidden></p>
            <div id="detail-filter" class="choices" role="group" aria-label="What is listed"></div>
            <div class="scroll tall" tabindex="0" role="region" aria-labelledby="detail-title">
              <table class="exchanges" role="table" aria-labelledby="detail-title">
                <thead role="rowgroup"><tr role="row">
                  <th role="columnheader" scope="col" class="number wide">No.</th><th role="columnheader" scope="col">Verdict</th>
                  <th role="columnheader" scope="col">What</th><th role="columnheader" scope="col" class="number">Size</th>
                  <th role="columnheader" scope="col" class="wide">From</th><th role="columnheader" scope="col">Reason</th>
                </tr></thead>
                <tbody id="detail-rows" role="rowgroup"></tbody>
              </table>
              <p id="detail-empty" class="empty" hidden></p>
            </div>
          </section>
          <section aria-labelledby="inside-title">
            <div class="heading"><h2 id="inside-title">Inside</h2></div>
            <div class="inside">
              <div class="panel"><h3>Cache</h3><dl id="inside-cache" class="facts"></dl></div>
              <div class="panel"><h3>Record</h3><dl id="inside-record" class="facts"></dl></div>
              <div class="panel"><h3>Process</h3><dl id="inside-process" class="facts"></dl></div>
              <div class="panel">
                <h3 id="latency-title">Time to the first byte <span class="count">last 10 min</span></h3>
                <table aria-labelledby="latency-title">
                  <thead><tr><th scope="col">Answer</th><th scope="col" class="number">Requests</th><th scope="col" class="number">Half</th><th scope="col" class="number">95 %</th></tr></thead>
                  <tbody id="latency-rows"></tbody>
                </table>
              </div>
              <div class="panel">
                <h3 id="errors-title">Errors <span class="count">since the start</span></h3>
                <table aria-labelledby="errors-title">
                  <thead><tr><th scope="col">Cause</th><th scope="col" class="number">Answers</th></tr></thead>
                  <tbody id="errors-rows"></tbody>
                </table>
                <p id="errors-empty" class="empty small" hidden>None.</p>
              </div>
              <div class="panel">
                <h3 id="queues-title">Queues</h3>
                <table aria-labelledby="queues-title">
                  <thead><tr><th scope="col">Queue</th><th scope="col" class="number">Running</th><th scope="col" class="number">Waiting</th><th scope="col" class="number">Refused</th></tr></thead>
                  <tbody id="queues-rows"></tbody>
                </table>
              </div>
            </div>
          </section>
        </main>
        <footer class="muted">
          <a href="/metrics">Metrics</a> <a href="/readyz">Readiness</a>
          <span id="tell" class="sr-only" role="status"></span>
        </footer>
        </body>
        </html>

        """#
}
