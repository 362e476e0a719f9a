//! `make load`: players get their playlists and segments while a thousand silent sockets and two
//! thousand event streams are open.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::AsyncReadExt;
use tokio::task::JoinSet;

use super::support::appliance::Appliance;
use super::support::{http_client, media};

const SILENT: usize = 1000;
const STREAMS: usize = 2000;
const PLAYERS: u32 = 200;
/// Videos that the event streams follow.
const FOLLOWED: usize = 20;
/// Duration of the measurement.
const MEASURED: Duration = Duration::from_secs(30);
/// Pause of a player between two requests: 200 players make some 400 requests per second.
const PAUSE: Duration = Duration::from_millis(500);

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute of the whole machine: make load"]
async fn players_are_answered_beside_silent_sockets_and_event_streams() {
    raise_open_files();
    let Some(clip) = media::clip(180, "25", 2) else { return };
    let ladder = "[[ladder]]\nheight = 180\nmax_bitrate_kbps = 300\n";
    let appliance = Arc::new(
        Appliance::builder()
            .config(ladder)
            // All of them come from one address.
            .setting("http.requests_per_sec", 0)
            .start(),
    );
    let (id, _) = appliance.publish("film.mp4", &clip).await;

    // A connection from before the load.
    let operator = reqwest::Client::new();
    requests_of_the_daemon(&operator, &appliance).await;
    let address = appliance.s3.strip_prefix("http://").unwrap();
    let mut silent = JoinSet::new();
    for _ in 0..SILENT {
        silent.spawn(stay_silent(address.to_owned()));
    }
    // Videos that are not uploaded yet: their streams stay open.
    let mut followed = Vec::new();
    for _ in 0..FOLLOWED {
        let answer = appliance.ask("later.mp4", 1000).await;
        let id = answer["video_id"].as_str().unwrap();
        followed.push(format!("{}/v1/videos/{id}/events", appliance.api));
    }
    let open = Arc::new(AtomicUsize::new(0));
    let mut streams = JoinSet::new();
    // Each stream has a connection of its own.
    let client = http_client();
    for n in 0..STREAMS {
        let url = followed[n % FOLLOWED].clone();
        streams.spawn(follow(client.clone(), url, Arc::clone(&open)));
    }
    let began = Instant::now();
    while open.load(Ordering::SeqCst) < STREAMS && began.elapsed() < Duration::from_mins(1) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("{} event streams are open", open.load(Ordering::SeqCst));

    let asked = requests_of_the_daemon(&operator, &appliance).await;
    let measured = Instant::now();
    let mut players = JoinSet::new();
    // Players keep their connections.
    let client = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().unwrap();
    for n in 0..PLAYERS {
        let url = format!("{}/public/{id}", appliance.s3);
        players.spawn(play(client.clone(), url, PAUSE * n / PLAYERS));
    }
    tokio::time::sleep(MEASURED / 3).await;
    // A job that starts wakes the watchers of its video only.
    let put = appliance.s3_client().put_object().bucket("uploads").key("meanwhile.mp4");
    put.body(std::fs::read(&clip).unwrap().into()).send().await.unwrap();
    let (mut times, mut failed) = (Vec::new(), Vec::new());
    while let Some(ended) = players.join_next().await {
        let (of_player, errors) = ended.unwrap();
        times.extend(of_player);
        failed.extend(errors);
    }
    let asked = requests_of_the_daemon(&operator, &appliance).await - asked;
    let seconds = measured.elapsed().as_secs_f64();
    times.sort();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_millis();
    println!(
        "{SILENT} silent sockets, {} event streams, {PLAYERS} players, {seconds:.0} s",
        open.load(Ordering::SeqCst)
    );
    println!("GETs of players: {} answered, {} failed", times.len(), failed.len());
    println!("p50 {} ms, p99 {} ms, max {} ms", at(50), at(99), at(100));
    println!("requests of the daemon to the store: {:.1} per second", asked / seconds);
    println!("memory {} MiB, {} file descriptors", memory_mib(&appliance), open_files(&appliance));
    assert!(failed.is_empty(), "{:?}", &failed[..failed.len().min(10)]);
    assert_eq!(open.load(Ordering::SeqCst), STREAMS, "every event stream is answered and stays");
}

fn raise_open_files() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
    let needed = (SILENT + STREAMS + 400) as u64;
    assert!(maximum.is_none_or(|maximum| maximum >= needed), "ulimit -Hn is below {needed}");
}

/// Connects and sends nothing; once more whenever the server closes the connection.
async fn stay_silent(address: String) {
    loop {
        if let Ok(mut socket) = tokio::net::TcpStream::connect(&address).await {
            drop(socket.read(&mut [0]).await);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Follows a video. Counts as open from its first event to its end.
async fn follow(client: reqwest::Client, url: String, open: Arc<AtomicUsize>) {
    loop {
        if let Ok(answer) = client.get(&url).send().await
            && answer.status() == 200
        {
            let mut events = answer.bytes_stream();
            if let Some(Ok(_)) = events.next().await {
                open.fetch_add(1, Ordering::SeqCst);
                while let Some(Ok(_)) = events.next().await {}
                open.fetch_sub(1, Ordering::SeqCst);
            }
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Plays a video again and again. Returns the times of its requests, and its errors.
async fn play(
    client: reqwest::Client,
    url: String,
    delay: Duration,
) -> (Vec<Duration>, Vec<String>) {
    let (mut times, mut failed) = (Vec::new(), Vec::new());
    let began = Instant::now();
    tokio::time::sleep(delay).await;
    let mut next = vec![format!("{url}/main.m3u8")];
    while began.elapsed() < MEASURED {
        let Some(uri) = next.pop() else {
            next.push(format!("{url}/main.m3u8"));
            continue;
        };
        let asked = Instant::now();
        let bytes = match client.get(&uri).send().await {
            Ok(answer) if answer.status() == 200 => answer.bytes().await.map_err(|e| e.to_string()),
            Ok(answer) => Err(answer.status().to_string()),
            Err(error) => Err(error.to_string()),
        };
        match bytes {
            Ok(bytes) => {
                times.push(asked.elapsed());
                next.extend(named_in(&uri, &bytes));
            }
            Err(error) => failed.push(format!("{uri}: {error}")),
        }
        tokio::time::sleep(PAUSE).await;
    }
    (times, failed)
}

/// URLs that a playlist names; none of a segment.
fn named_in(uri: &str, bytes: &[u8]) -> Vec<String> {
    if uri.rsplit_once('.').is_none_or(|(_, ending)| ending != "m3u8") {
        return Vec::new();
    }
    let mut plain = Vec::new();
    let gzip = std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(bytes), &mut plain);
    let text = String::from_utf8_lossy(if gzip.is_ok() { &plain } else { bytes }).into_owned();
    let folder = uri.rsplit_once('/').unwrap().0;
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| format!("{folder}/{line}")).collect()
}

/// Requests that the daemon has sent to its own store.
async fn requests_of_the_daemon(operator: &reqwest::Client, appliance: &Appliance) -> f64 {
    let answer = operator.get(format!("{}/metrics", appliance.api)).send().await.unwrap();
    let text = answer.text().await.unwrap();
    let line = "ladderd_embedded_requests_total{client=\"daemon\"} ";
    text.lines().find_map(|l| l.strip_prefix(line)).unwrap().parse().unwrap()
}

fn memory_mib(appliance: &Appliance) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", appliance.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() / 1024
}

fn open_files(appliance: &Appliance) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", appliance.pid())).unwrap().count()
}
