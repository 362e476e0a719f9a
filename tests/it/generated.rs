//! Files that the repository holds and code generates are current.

use super::support::root;

/// Fails if the file at `path` (within the repository) has another text. Writes it instead if the
/// variable `LADDERD_WRITE_GENERATED` is `1`.
pub(crate) fn assert_generated(path: &str, text: &str) {
    let file = root().join(path);
    if std::env::var_os("LADDERD_WRITE_GENERATED").is_some_and(|value| value == "1") {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, text).unwrap();
    }
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(found == text, "{path} is not current: `make generate` writes it");
}

#[test]
fn the_commented_default_settings_are_current() {
    assert_generated("config/ladderd.toml", &ladderd::settings::default_toml());
}

#[test]
fn the_settings_reference_is_current() {
    assert_generated("docs/reference/settings.md", &ladderd::settings::reference());
}

#[test]
fn the_failure_code_reference_is_current() {
    let text = ladderd::domain::failure_code::reference();
    assert_generated("docs/reference/failure-codes.md", &text);
}

#[test]
fn the_reference_of_stream_rules_is_current() {
    let text = ladderd::domain::conformance::rules::reference();
    assert_generated("docs/reference/stream-rules.md", &text);
}

#[test]
fn the_metrics_reference_is_current() {
    assert_generated("docs/reference/metrics.md", &ladderd::metrics::list::reference());
}

#[test]
fn the_reference_of_checks_is_current() {
    assert_generated("docs/reference/checks.md", &ladderd::domain::doctor::reference());
}

#[test]
fn the_openapi_document_is_current() {
    let text = serde_json::to_string_pretty(&ladderd::http::openapi()).unwrap() + "\n";
    assert_generated("docs/reference/openapi.json", &text);
}

#[test]
fn the_api_reference_is_current() {
    let text = ladderd::http::reference(&ladderd::http::openapi());
    assert_generated("docs/reference/api.md", &text);
}

#[test]
fn the_command_line_reference_is_current() {
    assert_generated("docs/reference/cli.md", &ladderd::cli::reference());
}

#[test]
fn the_recipe_reference_is_current() {
    let recipes = ladderd::backend::recipes().unwrap();
    assert_generated("docs/reference/recipes.md", &ladderd::domain::recipe::reference(&recipes));
}
