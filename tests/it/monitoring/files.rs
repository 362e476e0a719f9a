//! `ops/`: alerts, their tests, their runbooks, and the dashboard.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{check, known_series, promtool};
use crate::support::root;

const ALERTS: &str = "ops/prometheus/alerts.yml";
const TESTS: &str = "ops/prometheus/alerts.test.yml";
const DASHBOARD: &str = "ops/grafana/ladderd.json";
const RUNBOOKS: &str = "docs/how-to/runbooks.md";

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// Names of our metrics in an expression.
fn metrics_in(expression: &str) -> BTreeSet<&str> {
    let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("ladderd_") || word.starts_with("process_")).collect()
}

/// Each alert with the lines of its rule.
fn alerts(text: &str) -> Vec<(&str, &str)> {
    let rules = text.split("      - alert: ").skip(1);
    rules.map(|rule| rule.split_once('\n').unwrap()).collect()
}

/// The queries of all panels.
fn queries(dashboard: &Value) -> Vec<&str> {
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    targets.map(|target| target["expr"].as_str().unwrap()).collect()
}

#[test]
fn every_alert_has_a_runbook_and_tests_that_fire_and_do_not() {
    let (text, tests, runbooks) = (read(ALERTS), read(TESTS), read(RUNBOOKS));
    let alerts = alerts(&text);
    assert!(alerts.len() > 20);
    for (name, rule) in &alerts {
        let page = format!("runbook_url: {RUNBOOKS}#{}\n", name.to_lowercase());
        assert!(rule.contains(&page), "{name} has another runbook than {page}");
        let section = runbooks.split(&format!("\n## {name}\n")).nth(1);
        let section = section.unwrap_or_else(|| panic!("{RUNBOOKS} has no section {name}"));
        let section = section.split("\n## ").next().unwrap();
        assert!(section.contains("```sh\n"), "the runbook of {name} has no command");
        for case in ["fires", "is silent"] {
            assert!(tests.contains(&format!("- name: {name} {case}\n")), "{name} {case}");
        }
        assert!(tests.matches(&format!("alertname: {name}\n")).count() >= 2, "{name}");
    }
    let names: BTreeSet<&str> = alerts.iter().map(|(name, _)| *name).collect();
    let sections = runbooks.lines().filter_map(|line| line.strip_prefix("## Ladderd"));
    for section in sections {
        let name = format!("Ladderd{section}");
        assert!(names.contains(name.as_str()), "the runbook {name} is of no alert");
    }
}

#[test]
fn alerts_and_panels_name_metrics_that_exist() {
    let known = known_series();
    let dashboard: Value = serde_json::from_str(&read(DASHBOARD)).unwrap();
    let (alerts, tests) = (read(ALERTS), read(TESTS));
    let mut named: BTreeSet<&str> = queries(&dashboard).into_iter().flat_map(metrics_in).collect();
    let of_panels = named.len();
    named.extend(metrics_in(&alerts));
    named.extend(metrics_in(&tests));
    // The name of the jobs, of the group, and of one label's value.
    let unknown: Vec<_> = named.iter().filter(|name| !known.contains_key(**name)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    assert!(of_panels > 40, "{of_panels}");
    assert_eq!(
        metrics_in("rate(ladderd_a_b[5m]) / process_c + x"),
        ["ladderd_a_b", "process_c"].into()
    );
}

#[test]
fn promtool_accepts_the_alerts_and_the_queries_of_the_dashboard() {
    let Some(promtool) = promtool() else { return };
    check(&promtool, &["check", "rules", ALERTS], "");
    check(&promtool, &["test", "rules", TESTS], "");
    // A query is the expression of a rule.
    let dashboard: Value = serde_json::from_str(&read(DASHBOARD)).unwrap();
    let mut rules = "groups:\n  - name: panels\n    rules:\n".to_owned();
    for (n, query) in queries(&dashboard).into_iter().enumerate() {
        let query = query.replace("$__rate_interval", "5m");
        let query = serde_json::to_string(&query).unwrap();
        rules.extend([format!("      - record: panel_{n}\n        expr: {query}\n")]);
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("panels.yml");
    std::fs::write(&file, rules).unwrap();
    check(&promtool, &["check", "rules", file.to_str().unwrap()], "");
}
