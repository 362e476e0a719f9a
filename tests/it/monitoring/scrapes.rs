//! Scrapes of a box: after a job, after odd requests, by a listener of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use ladderd::metrics::list;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Method, StatusCode};

use super::{check, known_series, promtool};
use crate::support::appliance::{Appliance, TIMEOUT};
use crate::support::{http_client, media};

/// A scrape of the API, as text.
async fn scrape(appliance: &Appliance, accept: &str) -> String {
    let request = appliance.request(Method::GET, "/metrics").header(ACCEPT, accept);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    answer.text().await.unwrap()
}

/// The samples of a scrape: series with their values.
fn samples(text: &str) -> BTreeMap<&str, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.map(|line| line.rsplit_once(' ').unwrap());
    pairs.map(|(series, value)| (series, value.parse().unwrap())).collect()
}

/// Name and labels of a series.
fn parts(series: &str) -> (&str, BTreeSet<&str>) {
    let Some((name, labels)) = series.split_once('{') else { return (series, BTreeSet::new()) };
    let labels = labels.trim_end_matches('}').split("\",");
    (name, labels.map(|label| label.split_once('=').unwrap().0).collect())
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_measured_and_every_series_is_in_the_list() {
    let Some(clip) = media::clip(360, "25", 2) else { return };
    let appliance = Appliance::start();
    let (_, video) = appliance.publish("clip.mp4", &clip).await;
    assert_eq!(video["state"], "ready", "{video:#}");
    appliance.wait_for_empty_queue().await;
    let began = Instant::now();
    let text = loop {
        let text = scrape(&appliance, "application/openmetrics-text").await;
        // The catalog hears of the end of the job a moment later.
        if text.contains("ladderd_videos{state=\"ready\"} 1\n") {
            break text;
        }
        assert!(began.elapsed() < TIMEOUT, "{text}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(text.ends_with("# EOF\n"), "{text}");
    let found = samples(&text);
    let known = known_series();
    for series in found.keys() {
        let (name, labels) = parts(series);
        assert_eq!(known.get(name), Some(&labels), "{series} is not in the list so");
    }
    for metric in list::all() {
        let name = metric.name.strip_suffix("_total").unwrap_or(metric.name);
        let kind = format!("# TYPE {name} {}\n", metric.kind.name());
        // Those without a sample are of GPUs and viewers, which are not here.
        let may_lack = ["ladderd_gpu_", "ladderd_qoe_"].iter().any(|of| name.starts_with(of));
        assert!(text.contains(&kind) || may_lack, "{kind}is not in {text}");
    }
    for stage in ["queue", "probe", "first-segment", "playable", "encode", "gate", "flip"] {
        let count = format!("ladderd_job_stage_duration_seconds_count{{stage=\"{stage}\"}}");
        assert_eq!(found.get(count.as_str()), Some(&1.0), "{count}");
    }
    for (series, value) in [
        ("ladderd_attempts_total{outcome=\"ready\"}", 1.0),
        ("ladderd_encode_realtime_factor_count{backend=\"cpu\"}", 1.0),
        ("ladderd_job_failures_total{code=\"worker-died\",fault=\"ladderd\"}", 0.0),
        ("ladderd_renewals_total{lease=\"message\",result=\"lost\"}", 0.0),
        ("ladderd_videos{state=\"queued\"}", 0.0),
        ("ladderd_queue_reachable", 1.0),
        ("ladderd_queue_oldest_age_seconds", 0.0),
        ("ladderd_backlog_seconds", 0.0),
        ("ladderd_sandbox_enforced{layer=\"seccomp\"}", 1.0),
        ("ladderd_http_requests_total{method=\"POST\",route=\"/v1/uploads\",status=\"201\"}", 1.0),
    ] {
        assert_eq!(found.get(series), Some(&value), "{series} in {text}");
    }
    let version = format!("ladderd_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"));
    for series in [
        version.as_str(),
        "ladderd_store_requests_total{operation=\"PutObject\",status=\"2xx\"}",
        "ladderd_store_request_duration_seconds_count{operation=\"GetObject\"}",
        "ladderd_store_sent_bytes_total",
        "ladderd_store_received_bytes_total",
        "ladderd_published_bytes_total",
        "ladderd_published_segments_total",
        "ladderd_encoded_seconds_total",
        "ladderd_workers_cpu_seconds_total",
        "ladderd_disk_free_bytes",
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
        "process_open_fds",
    ] {
        assert!(found.get(series).is_some_and(|value| *value > 0.0), "{series} in {text}");
    }
    let started = found["process_start_time_seconds"];
    let now = jiff::Timestamp::now().as_duration().as_secs_f64();
    assert!(started > now - 3600.0 && started < now + 5.0, "{started} at {now}");
    assert!(found["process_open_fds"] < found["process_max_fds"]);
    let plain = scrape(&appliance, "text/plain").await;
    assert!(plain.contains("# TYPE ladderd_attempts_total counter\n"), "{plain}");
    let Some(promtool) = promtool() else { return };
    check(&promtool, &["check", "metrics"], &plain);
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_requests_and_failures_make_no_series_beyond_the_routes() {
    let port = free_port();
    let appliance =
        Appliance::builder().setting("metrics.listen", format!("127.0.0.1:{port}")).start();
    let ask = async |method: &str, path: &str| {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        appliance.request(method, path).send().await.unwrap().status()
    };
    let odd = async |round: usize| {
        for n in 0..12 {
            let id = format!("{:020x}", round * 1000 + n);
            for path in [
                format!("/v1/videos/{id}"),
                format!("/v1/videos/{id}/report?x={id}"),
                format!("/v1/videos/{id}/text-tracks/{id}"),
                format!("/play/{id}/{id}/{id}.ts"),
                format!("/{id}"),
                format!("/v1/{id}"),
                format!("/embed/{id}"),
            ] {
                ask("GET", &path).await;
                ask("DELETE", &path).await;
                ask(&format!("X{round}Y{n}"), &path).await;
            }
        }
        let id = appliance.upload(&format!("{round}.mp4"), vec![0; 100 + round]).await;
        let video = appliance.wait_for_end(&id).await;
        assert_eq!(video["error"]["code"], "not-media", "{video:#}");
        appliance.wait_for_empty_queue().await;
        scrape(&appliance, "*/*").await
    };
    // A scrape counts in the next one.
    scrape(&appliance, "*/*").await;
    let first = odd(1).await;
    let second = odd(2).await;
    let series = |text: &str| -> BTreeSet<String> {
        let found = samples(text);
        // Operations of the store are bounded by S3; housekeeping may begin one in between.
        let is_ours = |name: &&&str| !name.starts_with("ladderd_store_request");
        found.keys().filter(is_ours).map(|series| (*series).to_owned()).collect()
    };
    let (before, after) = (series(&first), series(&second));
    let new: Vec<_> = after.difference(&before).collect();
    assert!(new.is_empty(), "{new:#?}");
    assert!(after.len() < 1000, "{} series", after.len());
    assert!(!second.contains("X1Y") && !second.contains("000000003e8"), "{second}");
    let failed = "ladderd_job_failures_total{code=\"not-media\",fault=\"source\"}";
    assert_eq!(samples(&second).get(failed), Some(&2.0));

    // A queue that fails is no reason to say nothing of the rest.
    appliance.database().execute_batch("ALTER TABLE messages RENAME TO hidden").unwrap();
    let third = scrape(&appliance, "*/*").await;
    let third = samples(&third);
    assert_eq!(third.get("ladderd_queue_reachable"), Some(&0.0));
    assert!(
        !third.contains_key("ladderd_queue_visible")
            && third.contains_key("ladderd_videos{state=\"failed\"}")
    );
    appliance.database().execute_batch("ALTER TABLE hidden RENAME TO messages").unwrap();

    // The listener of its own asks for no token, and serves nothing else.
    let url = format!("http://127.0.0.1:{port}");
    let http = http_client();
    let answer = http.get(format!("{url}/metrics")).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let kind = answer.headers()[CONTENT_TYPE].to_str().unwrap().to_owned();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    assert!(answer.text().await.unwrap().contains("ladderd_build_info"));
    let other = http.get(format!("{url}/v1/videos")).send().await.unwrap();
    assert_eq!(other.status(), StatusCode::NOT_FOUND);
}
