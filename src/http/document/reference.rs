//! The reference page of the API, as Markdown, from its document.

use serde_json::Value;

use super::METHODS;

/// Beginning of the page.
const HEAD: &str = "# API

This page is generated from the OpenAPI document, which the daemon serves at `/openapi.json` and shows at `/docs`;
[openapi.json](openapi.json) is a copy. [Changes of the API](../explanation/api-changes.md) says what later versions
may change, and [objects of a stream](stream-objects.md) what players load.

Each request shows a token (`Authorization: Bearer`) or the cookie of a sign-in that has one of the scopes in the
tables; [put an appliance on the internet](../how-to/put-on-the-internet.md) has the scopes. Routes without a scope
are open to all.
";

/// Writes the reference page of the API for this document.
#[must_use]
pub fn reference(document: &Value) -> String {
    let mut text = HEAD.to_owned();
    for tag in document["tags"].as_array().into_iter().flatten() {
        let (name, description) = (text_of(&tag["name"]), text_of(&tag["description"]));
        section(&mut text, name, description, document);
    }
    errors(&mut text, &document["components"]["examples"]);
    text
}

fn section(text: &mut String, tag: &str, description: &str, document: &Value) {
    let head = "| route | what it does | body | answers | scope |\n|---|---|---|---|---|\n";
    text.push_str(&format!("\n## {tag}\n\n{description}\n\n{head}"));
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for method in METHODS {
            let operation = &item[method];
            if operation["tags"][0] == tag {
                row(text, method, path, operation);
            }
        }
    }
}

fn row(text: &mut String, method: &str, path: &str, operation: &Value) {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let query: Vec<&str> =
        parameters.filter(|one| one["in"] == "query").map(|one| text_of(&one["name"])).collect();
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    let summary = text_of(&operation["summary"]).trim_end_matches('.');
    let body = schema_name(&operation["requestBody"]);
    let responses = operation["responses"].as_object().into_iter().flatten();
    let answers = responses.filter(|(status, _)| status.starts_with(['2', '3']));
    let answers: Vec<String> = answers
        .map(|(status, response)| format!("{status} {}", schema_name(response)).trim().to_owned())
        .collect();
    let mut scopes: Vec<&str> = operation["security"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| one.as_object()?.values().next()?.get(0)?.as_str())
        .collect();
    scopes.dedup();
    scopes.sort_unstable();
    scopes.dedup();
    let (method, answers, scopes) = (method.to_uppercase(), answers.join(", "), scopes.join(", "));
    text.push_str(&format!(
        "| `{method} {path}{query}` | {summary} | {body} | {answers} | {scopes} |\n"
    ));
}

/// Name of the schema of a body, or its media type.
fn schema_name(body: &Value) -> String {
    let Some((kind, media)) = body["content"].as_object().and_then(|content| content.iter().next())
    else {
        return String::new();
    };
    match media["schema"]["$ref"].as_str() {
        Some(name) => format!("`{}`", name.rsplit('/').next().unwrap_or_default()),
        None => kind.split(';').next().unwrap_or_default().to_owned(),
    }
}

fn errors(text: &mut String, examples: &Value) {
    text.push_str("\n## Errors\n\nErrors are `application/problem+json` (RFC 9457). `code` is stable; `detail` is for people, and \
         these are examples of it. [Failure codes](failure-codes.md) has the codes of videos.\n\n\
         | status | code | detail |\n|---|---|---|\n",
    );
    for example in examples.as_object().into_iter().flat_map(|examples| examples.values()) {
        let problem = &example["value"];
        let (code, detail) = (text_of(&problem["code"]), text_of(&problem["detail"]));
        text.push_str(&format!("| {} | `{code}` | {detail} |\n", problem["status"]));
    }
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
