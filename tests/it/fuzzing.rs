//! Fuzzing of parsers: messages, segments and playlists with any content cause no panic.

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use ladderd::check::files::{Error, Fetched, Files};
use ladderd::check::keys::Keys;
use ladderd::check::{Origin, check};
use ladderd::domain::hls::{codecs, fragments, key_frames};
use ladderd::domain::message;
use ladderd::domain::sources::SourceFilter;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::support::media;
use super::support::mutation::{SplitMix64, mutated};
use super::support::stream::Transcode;

/// JSON with the names of S3 events and any values.
fn events() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        "[%+a-f0-9/]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 48, 6, |inner| {
        let name = prop::sample::select(vec![
            "Records",
            "s3",
            "bucket",
            "object",
            "key",
            "name",
            "size",
            "eTag",
            "eventName",
            "Event",
            "Type",
            "Message",
            "detail",
            "detail-type",
            "sequencer",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..6).prop_map(|fields| {
                Value::Object(fields.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())
            }),
        ]
    })
}

proptest! {
    #[test]
    fn any_message_is_parsed_or_refused(text in ".{0,200}", event in events(), key in ".{0,60}") {
        let read = |body: &str| drop(message::parse(body, "uploads", &SourceFilter::default()));
        read(&text);
        read(&event.to_string());
        read(&json!({"Type": "Notification", "Message": event.to_string()}).to_string());
        let object = json!({"key": key, "size": -1, "eTag": key, "sequencer": key});
        let record = json!({"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "uploads"}, "object": object}});
        read(&json!({"Records": [record, event]}).to_string());
        read(&json!({"bucket": "uploads", "key": key}).to_string());
        drop(SourceFilter::default().accept(&key));
    }

    #[test]
    fn key_frames_are_searched_in_any_bytes(
        init in prop::collection::vec(any::<u8>(), 0..300),
        packets in prop::collection::vec((any::<u16>(), prop::collection::vec(any::<u8>(), 185)), 0..8),
    ) {
        let stream: Vec<u8> = packets
            .iter()
            .flat_map(|(pid, rest)| [&[0x47][..], &pid.to_be_bytes(), rest].concat())
            .collect();
        drop(key_frames::find(None, &stream));
        drop(key_frames::find(None, &init));
        drop(key_frames::find(Some(&init), &stream));
        drop(codecs::avc1_of_byte_stream(&stream));
        drop(codecs::avc1_of_record(&init));
        drop(fragments::without_parameter_sets(&stream));
    }
}

/// A stream in memory.
struct Memory(HashMap<String, Vec<u8>>);

#[async_trait]
impl Files for Memory {
    async fn get(&self, path: &str) -> Result<Fetched, Error> {
        let bytes = self.0.get(path).cloned();
        let bytes = bytes.ok_or(Error::Unreadable("no such file".to_owned()))?.into();
        Ok(Fetched { bytes, served: None })
    }
}

/// Reads all files below a folder.
fn load(dir: &Path, below: &Path, found: &mut HashMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(below).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            load(dir, &path, found);
        } else {
            let name = path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
            found.insert(name, std::fs::read(&path).unwrap());
        }
    }
}

/// Number of mutations that are the same in each run; all later ones are new.
const KNOWN: u64 = 300;

/// Time for new mutations, from `LADDERD_FUZZ_SECS`, which continuous integration sets.
fn fuzz_time() -> Duration {
    let secs = std::env::var("LADDERD_FUZZ_SECS").ok().and_then(|secs| secs.parse().ok());
    Duration::from_secs(secs.unwrap_or(0))
}

/// Mutates one file of a sound stream after the other: neither the check nor the search for key
/// frames panics.
fn read_mutated_streams(format: &str) {
    let Some(clip) = media::clip(64, "25", 3) else { return };
    let stream = Transcode::new(&clip).setting("encode.segment", format).run();
    let mut files = HashMap::new();
    load(stream.folder(), stream.folder(), &mut files);
    let wanted = |name: &&String| !name.ends_with("jpg") && !name.ends_with("vtt");
    let mut names: Vec<String> = files.keys().filter(wanted).cloned().collect();
    names.sort();
    let init = names.iter().find(|name| name.ends_with("init.mp4")).map(|name| files[name].clone());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    println!("the seeds of new mutations begin with {}", now + KNOWN);
    let known = (0..KNOWN).map(|number| (number, number));
    let until = Instant::now() + fuzz_time();
    let new = (KNOWN..).map(|number| (number, now + number)).take_while(|_| Instant::now() < until);
    for (number, seed) in known.chain(new) {
        let name = &names[usize::try_from(number).unwrap() % names.len()];
        let whole = files[name].clone();
        let bytes = mutated(&whole, &mut SplitMix64::new(seed));
        drop(key_frames::find(init.as_deref(), &bytes));
        if let Some(init) = init.as_deref() {
            drop(key_frames::find(Some(&mutated(init, &mut SplitMix64::new(seed))), &whole));
        }
        files.insert(name.clone(), bytes);
        let memory = Memory(files.clone());
        drop(runtime.block_on(check(&memory, &Keys::none(), "main.m3u8", Origin::Own)));
        files.insert(name.clone(), whole);
    }
}

#[test]
fn mutated_ts_streams_are_read() {
    read_mutated_streams("ts");
}

#[test]
fn mutated_cmaf_streams_are_read() {
    read_mutated_streams("cmaf");
}
