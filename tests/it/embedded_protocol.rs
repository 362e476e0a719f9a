//! The protocol of the embedded S3 server where clients rely on details: keys, ranges, copies.

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::ByteStream;

use super::support::appliance::Appliance;

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
