//! Parameters that the embedded store honours, and parameters that it refuses.

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::{Delete, ObjectCannedAcl, ObjectIdentifier, ServerSideEncryption};

use super::support::appliance::Appliance;

const BUCKET: &str = "public";

#[tokio::test(flavor = "multi_thread")]
async fn headers_of_an_object_come_back_and_a_head_answers_ranges() {
    let appliance = Appliance::start();
    let s3 = appliance.s3_client();
    let put = s3.put_object().bucket(BUCKET).key("k").body(b"0123456789".to_vec().into());
    let expires = DateTime::from_secs(1_900_000_000);
    let put = put.content_language("de").expires(expires).content_encoding("aws-chunked,gzip");
    put.send().await.unwrap();
    let head = s3.head_object().bucket(BUCKET).key("k").range("bytes=2-4").send().await.unwrap();
    assert_eq!(head.content_language(), Some("de"));
    assert_eq!(head.expires_string(), Some("Sun, 17 Mar 2030 17:46:40 GMT"));
    assert_eq!(head.content_encoding(), Some("gzip"));
    assert_eq!((head.content_length(), head.content_range()), (Some(3), Some("bytes 2-4/10")));
    let copy = s3.copy_object().bucket(BUCKET).key("c").copy_source("public/k");
    copy.send().await.unwrap();
    let copied = s3.head_object().bucket(BUCKET).key("c").send().await.unwrap();
    assert_eq!(copied.content_language(), Some("de"));
    assert_eq!(copied.expires_string(), Some("Sun, 17 Mar 2030 17:46:40 GMT"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_goes_on_behind_the_common_prefix_that_it_ended_with() {
    let appliance = Appliance::start();
    let s3 = appliance.s3_client();
    for key in ["a", "b/1", "b/2", "c"] {
        let put = s3.put_object().bucket(BUCKET).key(key).body(vec![0].into());
        put.send().await.unwrap();
    }
    let list = || s3.list_objects().bucket(BUCKET).delimiter("/").max_keys(2);
    let first = list().send().await.unwrap();
    assert_eq!(first.next_marker(), Some("b/"));
    let second = list().marker("b/").send().await.unwrap();
    assert_eq!(second.contents()[0].key(), Some("c"));
    assert!(second.common_prefixes().is_empty());
    // Without a delimiter, the same marker is a key like any other.
    let keys = s3.list_objects().bucket(BUCKET).marker("b/").send().await.unwrap();
    assert_eq!(keys.contents()[0].key(), Some("b/1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn deletes_honour_conditions_and_quiet() {
    let appliance = Appliance::start();
    let s3 = appliance.s3_client();
    let put = async |key: &str| {
        let put = s3.put_object().bucket(BUCKET).key(key).body(key.as_bytes().to_vec().into());
        put.send().await.unwrap().e_tag().unwrap().to_owned()
    };
    let etag = put("k").await;
    let other = s3.delete_object().bucket(BUCKET).key("k").if_match("\"other\"").send().await;
    assert_eq!(other.unwrap_err().code(), Some("PreconditionFailed"));
    s3.head_object().bucket(BUCKET).key("k").send().await.unwrap();
    s3.delete_object().bucket(BUCKET).key("k").if_match(etag).send().await.unwrap();
    assert!(s3.head_object().bucket(BUCKET).key("k").send().await.is_err());

    let many = |quiet: bool, version: Option<&str>| {
        let key = ObjectIdentifier::builder().key("k").set_version_id(version.map(str::to_owned));
        let delete = Delete::builder().objects(key.build().unwrap()).quiet(quiet);
        s3.delete_objects().bucket(BUCKET).delete(delete.build().unwrap()).send()
    };
    put("k").await;
    assert_eq!(many(false, None).await.unwrap().deleted().len(), 1);
    assert_eq!(many(true, Some("null")).await.unwrap().deleted().len(), 0);
    assert_eq!(many(true, Some("v1")).await.unwrap_err().code(), Some("NotImplemented"));
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_and_uploads_are_listed_page_by_page() {
    let appliance = Appliance::start();
    let s3 = appliance.s3_client();
    let mut uploads = Vec::new();
    for key in ["b", "a", "a"] {
        let begun = s3.create_multipart_upload().bucket(BUCKET).key(key).send().await.unwrap();
        uploads.push((key.to_owned(), begun.upload_id().unwrap().to_owned()));
    }
    let (key, id) = &uploads[0];
    for number in [3, 1, 2] {
        let part = s3.upload_part().bucket(BUCKET).key(key).upload_id(id).part_number(number);
        part.body(vec![0].into()).send().await.unwrap();
    }
    let list = s3.list_parts().bucket(BUCKET).key(key).upload_id(id).max_parts(2);
    let first = list.clone().send().await.unwrap();
    let numbers = |page: &aws_sdk_s3::operation::list_parts::ListPartsOutput| {
        page.parts().iter().filter_map(aws_sdk_s3::types::Part::part_number).collect::<Vec<_>>()
    };
    assert_eq!((numbers(&first), first.is_truncated()), (vec![1, 2], Some(true)));
    let second = list.part_number_marker(first.next_part_number_marker().unwrap());
    assert_eq!(numbers(&second.send().await.unwrap()), [3]);

    let (mut listed, mut key, mut id) = (Vec::new(), None, None);
    loop {
        let list = s3.list_multipart_uploads().bucket(BUCKET).max_uploads(1);
        let page = list.set_key_marker(key).set_upload_id_marker(id).send().await.unwrap();
        assert_eq!(page.uploads().len(), 1);
        let upload = &page.uploads()[0];
        listed.push((upload.key().unwrap().to_owned(), upload.upload_id().unwrap().to_owned()));
        (key, id) = (
            page.next_key_marker().map(str::to_owned),
            page.next_upload_id_marker().map(str::to_owned),
        );
        if page.is_truncated() == Some(false) {
            break;
        }
    }
    uploads.sort();
    listed.sort();
    assert_eq!(listed, uploads);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_ignored_that_changes_the_meaning_of_a_request() {
    let appliance = Appliance::start();
    let s3 = appliance.s3_client();
    let put = || s3.put_object().bucket(BUCKET).key("k").body(vec![0].into());
    let refused = [
        put().acl(ObjectCannedAcl::Private),
        put().server_side_encryption(ServerSideEncryption::Aes256),
        put().tagging("a=b"),
        put().website_redirect_location("/elsewhere"),
        put().expected_bucket_owner("123456789012"),
    ];
    for put in refused {
        let text = format!("{put:?}");
        assert_eq!(put.send().await.unwrap_err().code(), Some("NotImplemented"), "{text}");
    }
    put().acl(ObjectCannedAcl::PublicRead).send().await.unwrap();
    let rename = s3.rename_object().bucket(BUCKET).key("new").rename_source("k").send().await;
    assert_eq!(rename.unwrap_err().code(), Some("NotImplemented"));
    // A browser that reads without a key may ask for the same.
    let url = format!("{}/public/k", appliance.s3);
    assert_eq!(appliance.http.get(&url).send().await.unwrap().status(), 200);
    let version = appliance.http.get(format!("{url}?versionId=1")).send().await.unwrap();
    assert_eq!(version.status(), 501);
}
