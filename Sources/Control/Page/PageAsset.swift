internal import HTTPTypes

/// A file of the operator's page, which is part of the program: plain HTML, style and scripts without a build step.
///
/// The page asks the same endpoints as everybody else, with the credentials that the browser has asked for. What comes
/// from outside gets into it as text nodes only, and the policy below forbids whatever else a page could be talked into.
struct PageAsset: Sendable {
    let path: String
    let contentType: String
    let text: String

    private init(_ path: String, _ contentType: String, _ text: String) {
        self.path = path
        self.contentType = contentType
        self.text = text
    }

    /// All of them.
    static let all = [
        PageAsset("/", "text/html; charset=utf-8", PageText.document),
        PageAsset("/page/style.css", "text/css; charset=utf-8", PageText.style),
        PageAsset("/page/app.js", "text/javascript; charset=utf-8", PageText.app),
        PageAsset("/page/service.js", "text/javascript; charset=utf-8", PageText.service),
        PageAsset("/page/numbers.js", "text/javascript; charset=utf-8", PageText.numbers),
        PageAsset("/page/show.js", "text/javascript; charset=utf-8", PageText.show),
        PageAsset("/page/chart.js", "text/javascript; charset=utf-8", PageText.chart),
        PageAsset("/page/session.js", "text/javascript; charset=utf-8", PageText.session),
    ]

    /// What all of them are sent with.
    static let headers: HTTPFields = {
        var headers: HTTPFields = [
            .contentSecurityPolicy:
                "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
                + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            .xContentTypeOptions: "nosniff", .cacheControl: "no-store",
        ]
        for (name, value) in [("Referrer-Policy", "no-referrer"), ("Cross-Origin-Resource-Policy", "same-origin")] {
            guard let name = HTTPField.Name(name) else { preconditionFailure("\(name) is a name of a field") }
            headers[name] = value
        }
        return headers
    }()
}

/// The texts of the page's files.
enum PageText {}
