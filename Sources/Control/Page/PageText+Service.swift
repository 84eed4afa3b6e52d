extension PageText {
    /// What the page asks of the service.
    static let service = #"""
        // What the page asks of the service. Paths are made absolute: with credentials in the page's own address,
        // fetch refuses relative ones.

        const patience = 10_000;
        const largestReport = 24 << 20;

        export const place = (path) => location.origin + path;

        /** The service answered, but not with what was asked for. */
        export class Refusal extends Error {
          constructor(status, text) {
            super(text || `the service answered ${status}`);
            this.status = status;
          }
        }

        async function ask(path, signal) {
          const timeout = AbortSignal.timeout(patience);
          const response = await fetch(place(path), {
            cache: "no-store", signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
          });
          if (response.ok) return response;
          throw new Refusal(response.status, (await response.text()).slice(0, 2000));
        }

        export const json = async (path, signal) => (await ask(path, signal)).json();
        export const text = async (path) => (await ask(path)).text();

        /** What keeps the service from being ready: none, or reasons. */
        export async function problems() {
          try {
            await ask("/readyz");
            return [];
          } catch (error) {
            if (error.status === 503) return error.message.split("\n").filter(Boolean);
            if (error.status === 404) return [];
            throw error;
          }
        }

        const mostSessions = 1000;

        /** The sessions that live, the oldest first. */
        export async function sessions() {
          const all = [];
          let after = "";
          try {
            do {
              const page = await json(`/sessions?limit=200${after && `&after=${encodeURIComponent(after)}`}`);
              all.push(...page.sessions);
              after = page.next || "";
            } while (after && all.length < mostSessions);
            return { sessions: all, more: Boolean(after) };
          } catch (error) {
            if (error.status !== 404) throw error;
          }
          // A service that has no such list tells the same, less of it, in its status.
          const status = await json("/status");
          return { sessions: status["active-sessions"] || [], more: false };
        }

        /** What is under way; nothing known of it when the service does not tell. */
        export async function transfers() {
          try {
            return await json("/transfers");
          } catch (error) {
            if (error.status === 404) return null;
            throw error;
          }
        }

        /** The report of a session that was revoked; inspections may keep it waiting for 20 s. */
        export async function report(id, signal) {
          const response = await fetch(place(`/session/${encodeURIComponent(id)}`), { cache: "no-store", signal });
          if (!response.ok) throw new Refusal(response.status, (await response.text()).slice(0, 2000));
          const reader = response.body.getReader();
          const pieces = [];
          let size = 0;
          for (;;) {
            const { done, value } = await reader.read();
            if (done) break;
            size += value.length;
            if (size > largestReport) {
              await reader.cancel();
              throw new Error(`The report is larger than ${largestReport >> 20} MiB, too large for a page. `
                + `Get it with: fetchctl report ${id}`);
            }
            pieces.push(value);
          }
          return JSON.parse(await new Blob(pieces).text());
        }

        /** What happens in a session, while it happens. */
        export const live = (id) => new EventSource(place(`/session/${encodeURIComponent(id)}/live`));

        """#
}
