//! The reference page of the API, as Markdown, from its document.

use std::collections::BTreeSet;

use serde_json::Value;

use super::names::METHODS;

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
    let tags = document["tags"].as_array().into_iter().flatten();
    let sections = tags.map(|tag| section(tag, document));
    let lines = errors(&document["components"]["examples"]);
    let sections: Vec<String> = sections.collect();
    format!("{HEAD}{}{lines}", sections.concat())
}

/// The operations of a tag.
fn section(tag: &Value, document: &Value) -> String {
    let (name, description) = (text_of(&tag["name"]), text_of(&tag["description"]));
    let head = "| route | what it does | body | answers | scope |\n|---|---|---|---|---|\n";
    let mut lines = vec![format!("\n## {name}\n\n{description}\n\n{head}")];
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        let operations = METHODS.iter().map(|method| (method, &item[method]));
        let of_tag = operations.filter(|(_, operation)| operation["tags"][0] == name);
        lines.extend(of_tag.map(|(method, operation)| row(method, path, operation)));
    }
    lines.concat()
}

fn row(method: &str, path: &str, operation: &Value) -> String {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let query: Vec<&str> =
        parameters.filter(|one| one["in"] == "query").map(|one| text_of(&one["name"])).collect();
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    let summary = text_of(&operation["summary"]).replace('\n', " ");
    let summary = summary.split(". ").next().unwrap_or_default().trim_end_matches('.');
    let body = schema_name(&operation["requestBody"]);
    let responses = operation["responses"].as_object().into_iter().flatten();
    let answers = responses.filter(|(status, _)| status.starts_with(['2', '3']));
    let answers: Vec<String> = answers
        .map(|(status, response)| format!("{status} {}", schema_name(response)).trim().to_owned())
        .collect();
    let scopes = operation["security"].as_array().into_iter().flatten();
    let scopes: BTreeSet<&str> =
        scopes.filter_map(|one| one.as_object()?.values().next()?.get(0)?.as_str()).collect();
    let scopes: Vec<&str> = scopes.into_iter().collect();
    let (method, answers, scopes) = (method.to_uppercase(), answers.join(", "), scopes.join(", "));
    format!("| `{method} {path}{query}` | {summary} | {body} | {answers} | {scopes} |\n")
}

/// Name of the schema of a body, or its media type.
fn schema_name(body: &Value) -> String {
    let Some((kind, media)) = body["content"].as_object().and_then(|content| content.iter().next())
    else {
        return String::new();
    };
    // That of an event is in its data.
    let data = &media["schema"]["properties"]["data"]["contentSchema"]["$ref"];
    match media["schema"]["$ref"].as_str().or(data.as_str()) {
        Some(name) => format!("`{}`", name.rsplit('/').next().unwrap_or_default()),
        None => kind.split(';').next().unwrap_or_default().to_owned(),
    }
}

/// Beginning of the list of errors.
const ERRORS: &str = "
## Errors

Errors are `application/problem+json` (RFC 9457). `code` is stable; `detail` is for people, and these are examples of
it. [Failure codes](failure-codes.md) has the codes of videos.

| status | code | detail |
|---|---|---|
";

fn errors(examples: &Value) -> String {
    let examples = examples.as_object().into_iter().flat_map(|examples| examples.values());
    let lines = examples.map(|example| {
        let problem = &example["value"];
        let (code, detail) = (text_of(&problem["code"]), text_of(&problem["detail"]));
        format!("| {} | `{code}` | {} |\n", problem["status"], detail.replace('|', "\\|"))
    });
    let lines: Vec<String> = lines.collect();
    format!("{ERRORS}{}", lines.concat())
}

fn text_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
