//! Answers to requests of other origins, judged as a browser does (Fetch standard, section 3.3).

use crate::domain::doctor::{Check, Finding, Severity};

/// The headers of an answer that tell browsers what a page may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cors {
    /// Status of the answer.
    pub status: u16,
    /// `Access-Control-Allow-Origin`.
    pub allow_origin: Option<String>,
    /// `Access-Control-Allow-Methods`.
    pub allow_methods: Option<String>,
    /// `Access-Control-Allow-Headers`.
    pub allow_headers: Option<String>,
    /// `Access-Control-Expose-Headers`.
    pub expose_headers: Option<String>,
}

impl Cors {
    fn allows(&self, origin: &str) -> bool {
        self.allow_origin.as_deref().is_some_and(|allowed| allowed == "*" || allowed == origin)
    }

    /// Whether a page may read the header `name` of this answer.
    #[must_use]
    pub fn exposes(&self, name: &str) -> bool {
        listed(self.expose_headers.as_deref(), name)
    }
}

/// Whether a list with commas has this item, in any case of letters, or is `*`.
fn listed(list: Option<&str>, item: &str) -> bool {
    let mut items = list.unwrap_or_default().split(',').map(str::trim);
    items.any(|one| one == "*" || one.eq_ignore_ascii_case(item))
}

/// Why a page of this origin may not send such a request after this preflight; `None` if it may.
#[must_use]
pub fn preflight(answer: &Cors, origin: &str, method: &str, headers: &[&str]) -> Option<String> {
    if !(200..300).contains(&answer.status) {
        return Some(format!("the preflight of a {method} is answered with {}", answer.status));
    }
    if !answer.allows(origin) {
        return Some(format!("the preflight does not allow the origin {origin}"));
    }
    // GET, HEAD and POST need no permission.
    if method == "PUT" && !listed(answer.allow_methods.as_deref(), method) {
        return Some(format!("the preflight does not allow the method {method}"));
    }
    let missing: Vec<&str> = headers
        .iter()
        .copied()
        .filter(|name| !listed(answer.allow_headers.as_deref(), name))
        .collect();
    (!missing.is_empty())
        .then(|| format!("the preflight does not allow the headers {}", missing.join(", ")))
}

/// Finding on an answer that a page of this origin wants to read. `fault` is one that was found before it.
#[must_use]
pub fn cors_answer(
    check: Check,
    answer: &Cors,
    origin: &str,
    exposed: &[&str],
    fault: Option<String>,
) -> Finding {
    let fault = fault.or_else(|| {
        if !answer.allows(origin) {
            return Some(format!("the answer does not allow the origin {origin}"));
        }
        let missing: Vec<&str> =
            exposed.iter().copied().filter(|name| !answer.exposes(name)).collect();
        (!missing.is_empty()).then(|| format!("the answer does not expose {}", missing.join(", ")))
    });
    match fault {
        None => Finding::ok(check, format!("pages of {origin} may")),
        Some(what) => Finding::new(check, Severity::Error, what),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "https://video.example.com";

    fn answer(status: u16, [origin, methods, headers, exposed]: [&str; 4]) -> Cors {
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Cors {
            status,
            allow_origin: text(origin),
            allow_methods: text(methods),
            allow_headers: text(headers),
            expose_headers: text(exposed),
        }
    }

    #[test]
    fn preflights_are_judged_as_by_a_browser() {
        let wanted = ["content-type", "if-none-match"];
        let table = [
            (answer(200, ["*", "GET, PUT", "*", ""]), None),
            (answer(204, [PAGE, "PUT", "Content-Type, If-None-Match", ""]), None),
            (answer(403, ["*", "PUT", "*", ""]), Some("answered with 403")),
            (answer(200, ["", "", "", ""]), Some("the origin")),
            (answer(200, ["https://other.example.com", "PUT", "*", ""]), Some("the origin")),
            (answer(200, ["*", "GET", "*", ""]), Some("the method PUT")),
            (answer(200, ["*", "PUT", "content-type", ""]), Some("the headers if-none-match")),
        ];
        for (answer, fault) in table {
            let found = preflight(&answer, PAGE, "PUT", &wanted);
            assert_eq!(found.is_some(), fault.is_some(), "{answer:?}: {found:?}");
            assert!(found.unwrap_or_default().contains(fault.unwrap_or_default()), "{answer:?}");
        }
        let of_get = preflight(&answer(200, ["*", "", "range", ""]), PAGE, "GET", &["range"]);
        assert_eq!(of_get, None);
    }

    #[test]
    fn an_answer_must_be_readable() {
        let judge = |answer: &Cors, fault: Option<String>| {
            cors_answer(Check::CorsUpload, answer, PAGE, &["ETag"], fault)
        };
        let table = [
            (answer(200, ["*", "", "", "ETag"]), None, Severity::Ok),
            (answer(200, ["*", "", "", "etag, x-amz-id"]), None, Severity::Ok),
            (answer(200, ["*", "", "", ""]), None, Severity::Error),
            (answer(200, ["", "", "", "ETag"]), None, Severity::Error),
            (answer(200, ["*", "", "", "ETag"]), Some("no preflight".to_owned()), Severity::Error),
        ];
        for (answer, fault, severity) in table {
            assert_eq!(judge(&answer, fault).severity, severity, "{answer:?}");
        }
    }
}
