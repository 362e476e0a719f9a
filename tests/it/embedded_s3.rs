//! The embedded S3 server over TCP, used by the AWS SDK and by plain HTTP.

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use ladderd::domain::message;
use ladderd::domain::sources::SourceFilter;

use super::embedded_files::{self, wait_for_blobs};
use super::support::appliance::Appliance;

const MIB: usize = 1 << 20;

async fn put(appliance: &Appliance, bucket: &str, key: &str, body: Vec<u8>) {
    let put = appliance.s3_client().put_object().bucket(bucket).key(key);
    put.body(ByteStream::from(body)).send().await.unwrap();
}

async fn get(appliance: &Appliance, bucket: &str, key: &str) -> Vec<u8> {
    let object = appliance.s3_client().get_object().bucket(bucket).key(key).send().await.unwrap();
    object.body.collect().await.unwrap().to_vec()
}

/// Number of objects of this key in the private bucket.
fn objects_of(appliance: &Appliance, key: &str) -> u32 {
    let sql = "SELECT count(*) FROM objects WHERE bucket = 'uploads' AND key = ?1";
    appliance.database().query_row(sql, [key], |row| row.get(0)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_key_stays_in_its_bucket_and_can_be_read_back() {
    let appliance = Appliance::start();
    let long = "k".repeat(1024);
    let keys = [
        "plain",
        "a//b",
        "../x",
        "../../etc/passwd",
        "..",
        "a/../b",
        "ä/ö ü+&?=%#",
        "%2e%2e/x",
        "..%2f..%2fx",
        "\u{1F600}",
        "-",
        "a\\b",
        " lead and trail ",
        &long,
    ];
    for key in keys {
        put(&appliance, "public", key, key.as_bytes().to_vec()).await;
    }
    for key in keys {
        assert_eq!(get(&appliance, "public", key).await, key.as_bytes(), "{key}");
    }
    let mut listed = appliance.keys("public", "").await;
    let mut expected: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
    listed.sort();
    expected.sort();
    assert_eq!(listed, expected);
    let private = appliance.keys("uploads", "").await;
    assert!(private.iter().all(|key| key == "claims/first-start"), "{private:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_read_the_public_bucket_and_nothing_else() {
    let appliance = Appliance::start();
    put(&appliance, "uploads", "records/secret", b"secret".to_vec()).await;
    put(&appliance, "public", "open", b"open".to_vec()).await;
    let status = async |method: reqwest::Method, path: &str| {
        let url = format!("{}{path}", appliance.s3);
        appliance.http.request(method, url).body("x").send().await.unwrap().status().as_u16()
    };
    let get = reqwest::Method::GET;
    assert_eq!(appliance.public("open").await.2, b"open");
    for path in [
        "/uploads/records/secret",
        "/uploads",
        "/public",
        "/",
        "/public/..%2Fuploads%2Frecords%2Fsecret",
        "/public/%2e%2e/uploads/records/secret",
    ] {
        let code = status(get.clone(), path).await;
        assert!(matches!(code, 403 | 404), "{path}: {code}");
    }
    for method in [reqwest::Method::PUT, reqwest::Method::DELETE, reqwest::Method::POST] {
        let code = status(method.clone(), "/public/open").await;
        assert!(matches!(code, 400 | 403 | 405 | 501), "{method}: {code}");
    }
    assert_eq!(appliance.public("open").await.2, b"open");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_writers_with_if_none_match_wins() {
    let appliance = Appliance::start();
    let client = appliance.s3_client();
    let writers: Vec<_> = (0..16)
        .map(|n| {
            let put = client.put_object().bucket("public").key("k").if_none_match("*");
            let put = put.body(ByteStream::from(vec![n; 100_000]));
            tokio::spawn(async move { (n, put.send().await) })
        })
        .collect();
    let mut winners = Vec::new();
    for writer in writers {
        match writer.await.unwrap() {
            (n, Ok(_)) => winners.push(n),
            (_, Err(error)) => assert_eq!(error.raw_response().unwrap().status().as_u16(), 412),
        }
    }
    assert_eq!(winners.len(), 1, "{winners:?}");
    assert_eq!(get(&appliance, "public", "k").await, vec![winners[0]; 100_000]);
}

#[tokio::test(flavor = "multi_thread")]
async fn if_match_is_honoured() {
    let appliance = Appliance::start();
    let client = appliance.s3_client();
    let put = |body: &'static [u8]| {
        client.put_object().bucket("public").key("k").body(ByteStream::from_static(body))
    };
    let etag = put(b"1").send().await.unwrap().e_tag.unwrap();
    put(b"2").if_match(&etag).send().await.unwrap();
    let refused = put(b"3").if_match(&etag).send().await.unwrap_err();
    assert_eq!(refused.code(), Some("PreconditionFailed"));
    let read = client.get_object().bucket("public").key("k").if_match(&etag).send().await;
    assert_eq!(read.unwrap_err().raw_response().unwrap().status().as_u16(), 412);
    assert_eq!(get(&appliance, "public", "k").await, b"2");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_differs_from_its_stated_size_or_checksum_is_not_stored() {
    let appliance = Appliance::start();
    let client = appliance.s3_client();
    put(&appliance, "public", "k", b"old".to_vec()).await;
    let put =
        || client.put_object().bucket("public").key("k").body(ByteStream::from_static(b"new"));
    let wrong_md5 = put().content_md5("AAAAAAAAAAAAAAAAAAAAAA==").send().await.unwrap_err();
    assert_eq!(wrong_md5.code(), Some("BadDigest"));
    let wrong_crc = put().checksum_crc32("AAAAAA==").send().await.unwrap_err();
    assert_eq!(wrong_crc.code(), Some("BadDigest"));
    assert_eq!(get(&appliance, "public", "k").await, b"old");

    // A presigned PUT whose connection breaks off in the middle.
    let answer = appliance.ask("cut.mp4", 1000).await;
    let url = answer["upload"]["url"].as_str().unwrap();
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = std::net::TcpStream::connect(host).unwrap();
    let head = format!(
        "PUT /{path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: video/mp4\r\nif-none-match: *\r\n\
         content-length: 1000\r\n\r\n"
    );
    std::io::Write::write_all(&mut stream, head.as_bytes()).unwrap();
    std::io::Write::write_all(&mut stream, &[0; 500]).unwrap();
    stream.shutdown(std::net::Shutdown::Both).unwrap();
    let id = answer["video_id"].as_str().unwrap();
    let (_, video) = appliance.get(&format!("/v1/videos/{id}")).await;
    assert_eq!(video["state"], "uploading");
    let uploads: u32 = appliance
        .database()
        .query_row("SELECT count(*) FROM objects WHERE key LIKE '%cut.mp4'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(uploads, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_presigned_url_is_valid_for_one_upload_of_one_size() {
    let appliance = Appliance::start();
    let answer = appliance.ask("x.mp4", 10).await;
    let upload = &answer["upload"];
    assert_eq!(appliance.put(upload, vec![0; 11]).await.status(), 403, "another size");
    let mut elsewhere = upload.clone();
    elsewhere["url"] = upload["url"].as_str().unwrap().replace("x.mp4", "y.mp4").into();
    assert_eq!(appliance.put(&elsewhere, vec![0; 10]).await.status(), 403, "another key");
    let mut unconditional = upload.clone();
    unconditional["headers"].as_object_mut().unwrap().remove("if-none-match");
    assert_eq!(appliance.put(&unconditional, vec![0; 10]).await.status(), 403, "no condition");
    assert_eq!(appliance.put(upload, vec![0; 10]).await.status(), 200);
    assert_eq!(appliance.put(upload, vec![1; 10]).await.status(), 412, "a second time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_multipart_upload_survives_kill_9_and_its_completion_is_idempotent() {
    let mut appliance = Appliance::start();
    let client = appliance.s3_client();
    let (bucket, key) = ("public", "big");
    let begun = client.create_multipart_upload().bucket(bucket).key(key).send().await.unwrap();
    let id = begun.upload_id().unwrap().to_owned();
    let part = |client: aws_sdk_s3::Client, number: i32, body: Vec<u8>| {
        let put = client.upload_part().bucket(bucket).key(key).upload_id(&id).part_number(number);
        async move {
            let etag = put.body(ByteStream::from(body)).send().await.unwrap().e_tag.unwrap();
            CompletedPart::builder().part_number(number).e_tag(etag).build()
        }
    };
    let first = part(client.clone(), 1, vec![1; 5 * MIB]).await;
    appliance.kill();
    appliance.restart();
    let client = appliance.s3_client();
    let second = part(client.clone(), 3, vec![3; 77]).await;
    let complete = |parts: Vec<CompletedPart>| {
        let upload = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let request = client.complete_multipart_upload().bucket(bucket).key(key).upload_id(&id);
        request.multipart_upload(upload)
    };
    let unordered = complete(vec![second.clone(), first.clone()]).send().await.unwrap_err();
    assert_eq!(unordered.code(), Some("InvalidPartOrder"));
    let unknown = CompletedPart::builder().part_number(2).e_tag("no").build();
    let missing = complete(vec![first.clone(), unknown]).send().await.unwrap_err();
    assert_eq!(missing.code(), Some("InvalidPart"));
    let whole = [vec![1; 5 * MIB], vec![3; 77]].concat();
    let parts = vec![first, second];
    let done = complete(parts.clone()).send().await.unwrap();
    assert!(done.e_tag().unwrap().trim_matches('"').ends_with("-2"), "{done:?}");
    let again = complete(parts).send().await.unwrap();
    assert_eq!(again.e_tag(), done.e_tag());
    assert_eq!(get(&appliance, bucket, key).await, whole);
    // A range over the border of two parts.
    let from = 5 * MIB - 2;
    let range =
        client.get_object().bucket(bucket).key(key).range(format!("bytes={from}-{}", from + 3));
    let bytes = range.send().await.unwrap().body.collect().await.unwrap().to_vec();
    assert_eq!(bytes, [1, 1, 3, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn small_parts_are_refused_and_an_aborted_upload_leaves_no_files() {
    let appliance = embedded_files::start();
    let client = appliance.s3_client();
    let begun = client.create_multipart_upload().bucket("public").key("k").send().await.unwrap();
    let id = begun.upload_id().unwrap();
    let mut parts = Vec::new();
    for number in 1..=2 {
        let put = client.upload_part().bucket("public").key("k").upload_id(id).part_number(number);
        let etag = put.body(ByteStream::from_static(b"x")).send().await.unwrap().e_tag.unwrap();
        parts.push(CompletedPart::builder().part_number(number).e_tag(etag).build());
    }
    let upload = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
    let complete = client.complete_multipart_upload().bucket("public").key("k").upload_id(id);
    let refused = complete.multipart_upload(upload).send().await.unwrap_err();
    assert_eq!(refused.code(), Some("EntityTooSmall"));
    client.abort_multipart_upload().bucket("public").key("k").upload_id(id).send().await.unwrap();
    let gone =
        client.list_parts().bucket("public").key("k").upload_id(id).send().await.unwrap_err();
    assert_eq!(gone.code(), Some("NoSuchUpload"));
    wait_for_blobs(&appliance, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn listings_are_paginated_and_group_keys_by_delimiter() {
    let appliance = Appliance::start();
    for n in 0..25 {
        put(&appliance, "public", &format!("a/{n:02}/x"), Vec::new()).await;
    }
    put(&appliance, "public", "b", Vec::new()).await;
    let client = appliance.s3_client();
    let list = client.list_objects_v2().bucket("public").prefix("a/").delimiter("/").max_keys(10);
    let mut pages = list.into_paginator().send();
    let (mut sizes, mut prefixes) = (Vec::new(), Vec::new());
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        assert!(page.contents().is_empty());
        sizes.push(page.common_prefixes().len());
        prefixes.extend(page.common_prefixes().iter().map(|p| p.prefix().unwrap().to_owned()));
    }
    assert_eq!(sizes, [10, 10, 5]);
    let expected: Vec<String> = (0..25).map(|n| format!("a/{n:02}/")).collect();
    assert_eq!(prefixes, expected);
    assert_eq!(appliance.keys("public", "a/1").await.len(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_buckets_are_listed_as_clients_want_it() {
    let appliance = Appliance::start();
    let listed = appliance.s3_client().list_buckets().send().await.unwrap();
    let names: Vec<_> = listed.buckets().iter().map(|bucket| bucket.name().unwrap()).collect();
    assert_eq!(names, ["public", "uploads"]);
    assert!(listed.buckets().iter().all(|bucket| bucket.creation_date().is_some()));
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_origins_may_upload_and_read() {
    let appliance = Appliance::start();
    put(&appliance, "public", "k", b"x".to_vec()).await;
    let url = format!("{}/public/k", appliance.s3);
    let preflight = appliance
        .http
        .request(reqwest::Method::OPTIONS, &url)
        .header("origin", "https://page.example")
        .header("access-control-request-method", "PUT")
        .header("access-control-request-headers", "content-type,if-none-match")
        .send()
        .await
        .unwrap();
    assert_eq!(preflight.status(), 204);
    assert_eq!(preflight.headers()["access-control-allow-origin"], "*");
    let allowed = preflight.headers()["access-control-allow-headers"].to_str().unwrap();
    assert!(allowed.contains("if-none-match"));
    let read = appliance.http.get(&url).header("origin", "https://page.example").send().await;
    let read = read.unwrap();
    assert_eq!(read.headers()["access-control-allow-origin"], "*");
    assert!(read.headers()["access-control-expose-headers"].to_str().unwrap().contains("ETag"));

    let appliance =
        Appliance::builder().setting("embedded.cors_origins", "https://ours.example").start();
    let refused = appliance
        .http
        .request(reqwest::Method::OPTIONS, format!("{}/public/k", appliance.s3))
        .header("origin", "https://evil.example")
        .header("access-control-request-method", "PUT")
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), 403);
    assert!(!refused.headers().contains_key("access-control-allow-origin"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_and_its_event_are_written_together() {
    let appliance = Appliance::builder().setting("queue.retry.first_secs", 1000).start();
    // No video: the job settles at once and leaves its record.
    put(&appliance, "uploads", "a b/ü+.mp4", b"no video".to_vec()).await;
    put(&appliance, "uploads", "records/not-a-source.json", b"{}".to_vec()).await;
    let id = ladderd::domain::job::VideoId::of_source("uploads", "a b/ü+.mp4").to_string();
    let video = appliance.wait_for_end(&id).await;
    assert_eq!(video["error"]["code"], "not-media");
    appliance.wait_for_empty_queue().await;
    assert_eq!(objects_of(&appliance, "a b/ü+.mp4"), 1);
    // The body of the event is what AWS would have sent: our own parser of AWS's reads it.
    let event = ladderd::embedded::ObjectCreated {
        bucket: "uploads".to_owned(),
        key: "a b/ü+.mp4".to_owned(),
        etag: "e".to_owned(),
        size_bytes: 8,
        sequencer: "01".to_owned(),
        event_name: "ObjectCreated:Put",
        time: jiff::Timestamp::UNIX_EPOCH,
    };
    let parsed =
        message::parse(&ladderd::embedded::event_body(&event), "uploads", &SourceFilter::default())
            .unwrap();
    assert_eq!(parsed.jobs[0].key, "a b/ü+.mp4");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_upload_is_never_in_memory_as_a_whole() {
    const SIZE: usize = 500_000_000;
    const PIECE: usize = 1_000_000;
    let appliance =
        Appliance::builder().setting("uploads.single_put_max_bytes", 1_000_000_000).start();
    let answer = appliance.ask("large.mp4", SIZE as u64).await;
    let pieces = (0..SIZE / PIECE).map(|_| Ok::<_, std::io::Error>(vec![0_u8; PIECE]));
    let put = appliance
        .http
        .put(answer["upload"]["url"].as_str().unwrap())
        .header("content-type", "video/mp4")
        .header("if-none-match", "*")
        .header("content-length", SIZE)
        .body(reqwest::Body::wrap_stream(tokio_stream::iter(pieces)));
    assert_eq!(put.send().await.unwrap().status(), 200);
    let status = std::fs::read_to_string(format!("/proc/{}/status", appliance.pid())).unwrap();
    let kib = |name: &str| -> u64 {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim_matches(':').trim().trim_end_matches(" kB").parse().unwrap()
    };
    // Without pages of the program itself.
    let peak_kib = kib("VmHWM") - kib("RssFile");
    println!("peak memory of the daemon: {peak_kib} KiB");
    assert!(peak_kib < 40 * 1024, "{peak_kib} KiB");
}
