//! The protocol of the embedded S3 server where clients rely on details: keys, ranges, copies.

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;

use super::support::appliance::{Appliance, TIMEOUT};

async fn put(appliance: &Appliance, key: &str, body: &[u8]) {
    let put = appliance.s3_client().put_object().bucket("public").key(key);
    put.body(ByteStream::from(body.to_vec())).send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_no_listing_could_show_are_refused() {
    let appliance = Appliance::start();
    let client = appliance.s3_client();
    for key in ["a\u{1}b", "a\u{FFFE}"] {
        let put = client.put_object().bucket("public").key(key).body(ByteStream::from_static(b"x"));
        assert_eq!(put.send().await.unwrap_err().code(), Some("InvalidArgument"), "{key:?}");
        let begin = client.create_multipart_upload().bucket("public").key(key).send();
        assert_eq!(begin.await.unwrap_err().code(), Some("InvalidArgument"), "{key:?}");
    }
    // As an older version stored it.
    put(&appliance, "old", b"x").await;
    put(&appliance, "zü b", b"x").await;
    let sql = "UPDATE objects SET key = 'a' || char(1) || 'b' WHERE key = 'old'";
    appliance.database().execute(sql, []).unwrap();
    assert_eq!(appliance.keys("public", "").await, ["zü b"], "it breaks no listing");
    let encoded = client.list_objects_v2().bucket("public");
    let encoded = encoded.encoding_type(aws_sdk_s3::types::EncodingType::Url).send().await.unwrap();
    let keys: Vec<_> = encoded.contents().iter().map(|object| object.key().unwrap()).collect();
    assert_eq!(keys, ["a%01b", "z%C3%BC+b"]);
    let first = client.list_objects().bucket("public").max_keys(1);
    let first = first.encoding_type(aws_sdk_s3::types::EncodingType::Url).send().await.unwrap();
    assert_eq!((first.is_truncated(), first.next_marker()), (Some(true), Some("a%01b")));
    let second = client.list_objects().bucket("public").marker("a\u{1}b").send().await.unwrap();
    assert_eq!(second.contents()[0].key(), Some("zü b"));
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_that_cannot_be_satisfied_tell_the_size() {
    let appliance = Appliance::start();
    put(&appliance, "empty", b"").await;
    put(&appliance, "ten", b"0123456789").await;
    let get = async |key: &str, range: &str| {
        let get = appliance.http.get(format!("{}/public/{key}", appliance.s3));
        let response = get.header("range", range).send().await.unwrap();
        let content_range = response.headers().get("content-range");
        let content_range = content_range.map(|value| value.to_str().unwrap().to_owned());
        (response.status().as_u16(), content_range)
    };
    let range = |text: &str| Some(text.to_owned());
    assert_eq!(get("empty", "bytes=-5").await, (416, range("bytes */0")));
    assert_eq!(get("empty", "bytes=0-").await, (416, range("bytes */0")));
    assert_eq!(get("ten", "bytes=10-").await, (416, range("bytes */10")));
    assert_eq!(get("ten", "bytes=-20").await, (206, range("bytes 0-9/10")));
    assert_eq!(get("ten", "bytes=8-20").await, (206, range("bytes 8-9/10")));
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_honour_conditions_and_the_metadata_directive() {
    let appliance = Appliance::start();
    let client = appliance.s3_client();
    let source = client.put_object().bucket("public").key("a").content_type("text/plain");
    let source = source.metadata("colour", "red").body(ByteStream::from_static(b"a"));
    let etag = source.send().await.unwrap().e_tag.unwrap();
    let copy = || client.copy_object().bucket("public").key("b").copy_source("public/a");
    let failed =
        async |copy: aws_sdk_s3::operation::copy_object::builders::CopyObjectFluentBuilder| {
            copy.send().await.unwrap_err().code().map(str::to_owned)
        };
    let precondition = Some("PreconditionFailed".to_owned());
    assert_eq!(failed(copy().copy_source_if_match("\"00\"")).await, precondition);
    assert_eq!(failed(copy().copy_source_if_none_match(&etag)).await, precondition);
    assert_eq!(failed(copy().tagging("a=b")).await.as_deref(), Some("NotImplemented"));
    assert_eq!(appliance.keys("public", "").await, ["a"]);
    let head = async || client.head_object().bucket("public").key("b").send().await.unwrap();

    copy().copy_source_if_match(&etag).send().await.unwrap();
    let copied = head().await;
    assert_eq!(copied.content_type(), Some("text/plain"));
    assert_eq!(copied.metadata().unwrap()["colour"], "red");

    let replace = copy().metadata_directive(aws_sdk_s3::types::MetadataDirective::Replace);
    replace.content_type("text/html").metadata("size", "1").send().await.unwrap();
    let replaced = head().await;
    assert_eq!(replaced.content_type(), Some("text/html"));
    let metadata = replaced.metadata().unwrap();
    assert_eq!((metadata.get("colour"), metadata["size"].as_str()), (None, "1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_uploads_before_their_bytes_and_still_serves_and_deletes() {
    // No disk has as much free space.
    let reserve: u64 = 1 << 62;
    let appliance = Appliance::builder().setting("embedded.min_free_bytes", reserve).start();
    let refused = appliance.s3_client().put_object().bucket("public").key("k");
    let refused = refused.body(ByteStream::from_static(b"x")).send().await.unwrap_err();
    assert_eq!(refused.raw_response().unwrap().status().as_u16(), 507);
    assert_eq!(refused.code(), Some("InsufficientStorage"));
    // An upload of 10 GB, of which no byte is sent before the answer.
    let presigned = appliance.s3_client().put_object().bucket("uploads").key("film.mp4");
    let valid =
        aws_sdk_s3::presigning::PresigningConfig::expires_in(std::time::Duration::from_mins(10));
    let presigned = presigned.presigned(valid.unwrap()).await.unwrap();
    let (body, upload) = tokio::io::duplex(1);
    let upload_length = 10_000_000_000_u64;
    let put = appliance.http.put(presigned.uri()).header("content-length", upload_length);
    let stream = tokio_util::io::ReaderStream::new(upload);
    let answer = put.body(reqwest::Body::wrap_stream(stream)).send().await.unwrap();
    assert_eq!(answer.status(), 507);
    drop(body);
    // Viewers stay, so the box stays ready.
    let (status, ready) = appliance.get("/readyz").await;
    assert_eq!(status, 200, "{ready:#}");
    let able = ["uploads", "playback", "jobs"].map(|what| ready[what].as_bool().unwrap());
    assert_eq!(able, [false, true, false], "{ready:#}");
    let disk = ready["components"].as_array().unwrap().iter().find(|c| c["name"] == "disk-space");
    let why = disk.unwrap()["why"].as_str().unwrap();
    assert!(why.contains("embedded.min_free_bytes"), "{why}");

    let sql = "INSERT INTO objects (bucket, key, etag, size, headers, modified_ms)
               VALUES ('public', 'old', 'd41d8cd98f00b204e9800998ecf8427e', 0, '{}', 0)";
    appliance.database().execute(sql, []).unwrap();
    assert_eq!(appliance.public("old").await.0, 200);
    appliance.s3_client().delete_object().bucket("public").key("old").send().await.unwrap();
    assert_eq!(appliance.public("old").await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_clients_lock_nobody_out() {
    let appliance = Appliance::builder().setting("embedded.max_connections", 8).start();
    put(&appliance, "k", b"k").await;
    let store = appliance.s3.strip_prefix("http://").unwrap().to_owned();
    let mut silent = Vec::new();
    for number in 0..24 {
        let mut socket = tokio::net::TcpStream::connect(&store).await.unwrap();
        // Some send the first bytes of HTTP/2, and no more.
        if number % 3 == 0 {
            tokio::io::AsyncWriteExt::write_all(&mut socket, b"PRI * HT").await.unwrap();
        }
        silent.push(socket);
    }
    for _ in 0..20 {
        // Each client has a connection of its own.
        let http = super::support::http_client();
        let answer = http.get(format!("{}/public/k", appliance.s3)).send().await.unwrap();
        assert_eq!(answer.status(), 200);
    }
    // A silent connection is closed in the end.
    let mut byte = [0];
    let read = tokio::io::AsyncReadExt::read(&mut silent[1], &mut byte);
    assert_eq!(tokio::time::timeout(TIMEOUT, read).await.unwrap().unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn viewers_that_hold_all_connections_do_not_stop_a_job() {
    let appliance = Appliance::builder().setting("embedded.max_connections", 1).start();
    let Some(id) = appliance.start_long_job().await else { return };
    put(&appliance, "large", &vec![1; 32 << 20]).await;
    // The head is answered as soon as there is a place, and the body never read.
    let viewers = (0..16).map(|_| {
        let (http, url) = (super::support::http_client(), format!("{}/public/large", appliance.s3));
        tokio::spawn(async move {
            let answer = http.get(url).send().await;
            std::future::pending::<()>().await;
            drop(answer);
        })
    });
    let viewers: Vec<_> = viewers.collect();
    let video = appliance.wait_for_end(&id).await;
    assert_eq!(video["state"], "ready", "{video:#}");
    viewers.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test(flavor = "multi_thread")]
async fn small_answers_do_not_wait_for_acknowledgements() {
    let appliance = Appliance::serving();
    put(&appliance, "k", b"k").await;
    let store = appliance.s3_client();
    let mut times = Vec::new();
    for _ in 0..80 {
        let began = std::time::Instant::now();
        let object = store.get_object().bucket("public").key("k").send().await.unwrap();
        assert_eq!(&object.body.collect().await.unwrap().into_bytes()[..], b"k");
        times.push(began.elapsed());
    }
    // Linux acknowledges the first segments of a connection at once, and later ones after 40 ms.
    let mut late = times.split_off(40);
    late.sort();
    assert!(late[10] < std::time::Duration::from_millis(30), "{late:?}");
}
