//! Access keys of the embedded store that are limited to a part of a bucket, used by the AWS SDK.

use std::future::Future;
use std::os::unix::fs::PermissionsExt;
use std::pin::Pin;
use std::process::Output;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::Credentials;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart, Delete, ObjectIdentifier};
use serde_json::Value;

use super::support::appliance::Appliance;
use super::support::{program, servers};

/// The outcome of a request: status and error code, which a HEAD has not.
type Outcome = (u16, String);
type Running = Pin<Box<dyn Future<Output = Outcome> + Send>>;

const OK: u16 = 200;

async fn outcome<T, E: ProvideErrorMetadata>(
    sent: impl Future<Output = Result<T, SdkError<E>>>,
) -> Outcome {
    match sent.await {
        Ok(_) => (OK, String::new()),
        Err(error) => {
            let status = error.raw_response().map_or(0, |response| response.status().as_u16());
            (status, error.code().unwrap_or_default().to_owned())
        }
    }
}

fn run(appliance: &Appliance, arguments: &[&str]) -> Output {
    let mut command = program();
    command.args(["s3-key", "--data-dir"]).arg(appliance.data_dir()).args(arguments);
    command.output().unwrap()
}

/// Creates a key by the command line. Returns its id and a client with it.
fn create(appliance: &Appliance, flags: &[&str]) -> (String, Client) {
    let always = ["create", "--name", "test", "--json"];
    let output = run(appliance, &[&always, flags].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let key: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |name: &str| key[name].as_str().unwrap().to_owned();
    let (id, secret) = (text("access_key_id"), text("secret_access_key"));
    let keys = Credentials::new(&id, secret, None, None, "test");
    (id, servers::s3_client(&appliance.s3, "us-east-1", keys))
}

/// A multipart upload with one part, begun by the holder of the root key.
#[derive(Clone)]
struct Upload {
    id: String,
    etag: String,
}

/// The state before each operation.
async fn reset(root: &Client) -> [Upload; 2] {
    for (bucket, key) in [("uploads", "team-a/x"), ("uploads", "team-b/x"), ("public", "p")] {
        root.put_object()
            .bucket(bucket)
            .key(key)
            .body(b"old".to_vec().into())
            .send()
            .await
            .unwrap();
    }
    let mut uploads = Vec::new();
    for key in ["team-a/m", "team-b/m"] {
        let begun = root.create_multipart_upload().bucket("uploads").key(key).send().await.unwrap();
        let id = begun.upload_id().unwrap().to_owned();
        let part = root.upload_part().bucket("uploads").key(key).upload_id(&id).part_number(1);
        let part = part.body(b"old".to_vec().into()).send().await.unwrap();
        uploads.push(Upload { id, etag: part.e_tag().unwrap().to_owned() });
    }
    uploads.try_into().unwrap_or_else(|_| unreachable!())
}

/// An operation, and whether holders of a key for reading and writing, for reading, and for writing `team-a/` may do
/// it.
struct Case {
    name: &'static str,
    allowed: [bool; 3],
    start: Box<dyn Fn(Client, [Upload; 2]) -> Running>,
}

fn case(
    name: &'static str,
    allowed: [u8; 3],
    start: impl Fn(Client, [Upload; 2]) -> Running + 'static,
) -> Case {
    Case { name, allowed: allowed.map(|allowed| allowed == 1), start: Box::new(start) }
}

/// Makes a case of a request that needs the client only.
macro_rules! simple {
    ($name:expr, $allowed:expr, |$client:ident| $request:expr) => {
        case($name, $allowed, |$client, _| {
            Box::pin(async move { outcome($request.send()).await }) as Running
        })
    };
}

fn batch(keys: &[&str]) -> Delete {
    let object = |key: &&str| ObjectIdentifier::builder().key(*key).build().unwrap();
    Delete::builder().set_objects(Some(keys.iter().map(object).collect())).build().unwrap()
}

const EACH: [u8; 3] = [1, 1, 1];
const READ: [u8; 3] = [1, 1, 0];
const WRITE: [u8; 3] = [1, 0, 1];
const BOTH: [u8; 3] = [1, 0, 0];
const NONE: [u8; 3] = [0, 0, 0];

fn buckets_and_listings() -> Vec<Case> {
    vec![
        simple!("ListBuckets", NONE, |c| c.list_buckets()),
        simple!("HeadBucket", EACH, |c| c.head_bucket().bucket("uploads")),
        simple!("HeadBucket of another", NONE, |c| c.head_bucket().bucket("public")),
        simple!("GetBucketLocation", EACH, |c| c.get_bucket_location().bucket("uploads")),
        simple!("ListObjects", READ, |c| c.list_objects().bucket("uploads").prefix("team-a/")),
        simple!("ListObjects below", READ, |c| c
            .list_objects()
            .bucket("uploads")
            .prefix("team-a/x")),
        simple!("ListObjects of all", NONE, |c| c.list_objects().bucket("uploads")),
        simple!("ListObjectsV2", READ, |c| c.list_objects_v2().bucket("uploads").prefix("team-a/")),
        simple!("ListObjectsV2 of all", NONE, |c| c.list_objects_v2().bucket("uploads")),
        simple!("ListObjectsV2 of more", NONE, |c| c
            .list_objects_v2()
            .bucket("uploads")
            .prefix("team-")),
        simple!("ListObjectsV2 beside", NONE, |c| c
            .list_objects_v2()
            .bucket("uploads")
            .prefix("team-b/")),
        simple!("ListObjectsV2 of another bucket", NONE, |c| c
            .list_objects_v2()
            .bucket("public")
            .prefix("team-a/")),
        simple!("ListMultipartUploads", WRITE, |c| c
            .list_multipart_uploads()
            .bucket("uploads")
            .prefix("team-a/")),
        simple!("ListMultipartUploads of all", NONE, |c| c
            .list_multipart_uploads()
            .bucket("uploads")),
        // Operations that the store has not, and that need more than a bucket.
        simple!("GetBucketAcl", NONE, |c| c.get_bucket_acl().bucket("uploads")),
        simple!("ListObjectVersions", NONE, |c| c
            .list_object_versions()
            .bucket("uploads")
            .prefix("team-a/")),
        simple!("GetObjectTagging", NONE, |c| c
            .get_object_tagging()
            .bucket("uploads")
            .key("team-a/x")),
    ]
}

fn objects() -> Vec<Case> {
    vec![
        simple!("GetObject", READ, |c| c.get_object().bucket("uploads").key("team-a/x")),
        simple!("GetObject beside", NONE, |c| c.get_object().bucket("uploads").key("team-b/x")),
        simple!("GetObject of everybody", EACH, |c| c.get_object().bucket("public").key("p")),
        simple!("HeadObject", READ, |c| c.head_object().bucket("uploads").key("team-a/x")),
        simple!("HeadObject beside", NONE, |c| c.head_object().bucket("uploads").key("team-b/x")),
        simple!("PutObject", WRITE, |c| c.put_object().bucket("uploads").key("team-a/x")),
        simple!("PutObject beside", NONE, |c| c.put_object().bucket("uploads").key("team-b/x")),
        simple!("PutObject of our own", NONE, |c| c
            .put_object()
            .bucket("uploads")
            .key("claims/x.json")),
        simple!("PutObject in another bucket", NONE, |c| c
            .put_object()
            .bucket("public")
            .key("team-a/x")),
        simple!("DeleteObject", WRITE, |c| c.delete_object().bucket("uploads").key("team-a/x")),
        simple!("DeleteObject beside", NONE, |c| c
            .delete_object()
            .bucket("uploads")
            .key("team-b/x")),
        simple!("DeleteObjects", WRITE, |c| c
            .delete_objects()
            .bucket("uploads")
            .delete(batch(&["team-a/x", "team-a/y"]))),
        simple!("DeleteObjects beside", NONE, |c| c
            .delete_objects()
            .bucket("uploads")
            .delete(batch(&["team-a/x", "team-b/x"]))),
        simple!("CopyObject", BOTH, |c| c
            .copy_object()
            .bucket("uploads")
            .key("team-a/copy")
            .copy_source("uploads/team-a/x")),
        simple!("CopyObject of everybody's", WRITE, |c| c
            .copy_object()
            .bucket("uploads")
            .key("team-a/copy")
            .copy_source("public/p")),
        simple!("CopyObject from beside", NONE, |c| c
            .copy_object()
            .bucket("uploads")
            .key("team-a/copy")
            .copy_source("uploads/team-b/x")),
        simple!("CopyObject to beside", NONE, |c| c
            .copy_object()
            .bucket("uploads")
            .key("team-b/copy")
            .copy_source("uploads/team-a/x")),
    ]
}

fn multipart() -> Vec<Case> {
    let mut cases = Vec::new();
    for (place, key, allowed) in [(0, "team-a/m", WRITE), (1, "team-b/m", NONE)] {
        let named = |a: &'static str, b: &'static str| if place == 0 { a } else { b };
        cases.push(case(
            named("CreateMultipartUpload", "CreateMultipartUpload beside"),
            allowed,
            move |c, _| {
                let request = c.create_multipart_upload().bucket("uploads").key(key);
                Box::pin(async move { outcome(request.send()).await })
            },
        ));
        cases.push(case(named("UploadPart", "UploadPart beside"), allowed, move |c, uploads| {
            let request = c.upload_part().bucket("uploads").key(key).part_number(1);
            let request = request.upload_id(&uploads[place].id).body(b"new".to_vec().into());
            Box::pin(async move { outcome(request.send()).await })
        }));
        cases.push(case(named("ListParts", "ListParts beside"), allowed, move |c, uploads| {
            let request = c.list_parts().bucket("uploads").key(key).upload_id(&uploads[place].id);
            Box::pin(async move { outcome(request.send()).await })
        }));
        cases.push(case(
            named("CompleteMultipartUpload", "CompleteMultipartUpload beside"),
            allowed,
            move |c, uploads| {
                let Upload { id, etag } = &uploads[place];
                let part = CompletedPart::builder().part_number(1).e_tag(etag).build();
                let upload = CompletedMultipartUpload::builder().parts(part).build();
                let request = c.complete_multipart_upload().bucket("uploads").key(key);
                let request = request.upload_id(id).multipart_upload(upload);
                Box::pin(async move { outcome(request.send()).await })
            },
        ));
        cases.push(case(
            named("AbortMultipartUpload", "AbortMultipartUpload beside"),
            allowed,
            move |c, uploads| {
                let request = c.abort_multipart_upload().bucket("uploads").key(key);
                let request = request.upload_id(&uploads[place].id);
                Box::pin(async move { outcome(request.send()).await })
            },
        ));
    }
    // The upload of a neighbour under a key of one's own.
    cases.push(case("AbortMultipartUpload of another key", NONE, |c, uploads| {
        let request = c.abort_multipart_upload().bucket("uploads").key("team-a/m");
        let request = request.upload_id(&uploads[1].id);
        Box::pin(async move {
            let (status, code) = outcome(request.send()).await;
            // It is allowed to ask, and there is no such upload.
            if code == "NoSuchUpload" { (403, String::new()) } else { (status, code) }
        })
    }));
    cases
}

#[tokio::test(flavor = "multi_thread")]
async fn each_operation_is_allowed_to_the_keys_that_have_the_right() {
    let appliance = Appliance::builder().setting("sources.suffixes", ".mp4").start();
    let root = appliance.s3_client();
    let part = ["--bucket", "uploads", "--prefix", "team-a/"];
    let holders = [&["--read", "--write"][..], &["--read"], &["--write"]]
        .map(|rights| create(&appliance, &[&part, rights].concat()).1);
    for Case { name, allowed, start } in
        buckets_and_listings().into_iter().chain(objects()).chain(multipart())
    {
        for (holder, is_allowed) in holders.iter().zip(allowed) {
            let uploads = reset(&root).await;
            let (status, code) = start(holder.clone(), uploads).await;
            if is_allowed {
                assert_eq!((status, code.as_str()), (OK, ""), "{name} {allowed:?}");
            } else {
                assert_eq!(status, 403, "{name} {allowed:?}: {code}");
                // A HEAD has no body.
                assert!(["AccessDenied", ""].contains(&code.as_str()), "{name}: {code}");
            }
            let kept = root.get_object().bucket("uploads").key("team-b/x").send().await.unwrap();
            let kept = kept.body.collect().await.unwrap().to_vec();
            assert_eq!(kept, b"old", "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_end_when_they_expire_or_are_revoked() {
    let appliance = Appliance::start();
    let part = ["--bucket", "uploads", "--prefix", "team-a/", "--read", "--write"];
    let put = |client: &Client| {
        let request = client.put_object().bucket("uploads").key("team-a/x.txt");
        Box::pin(outcome(request.body(b"new".to_vec().into()).send()))
    };
    let (id, client) = create(&appliance, &part);
    assert_eq!(put(&client).await.0, OK);
    let presigning = PresigningConfig::expires_in(Duration::from_mins(5)).unwrap();
    let get = client.get_object().bucket("uploads").key("team-a/x.txt");
    let url = get.presigned(presigning).await.unwrap().uri().to_owned();
    assert_eq!(appliance.http.get(&url).send().await.unwrap().status(), 200);
    assert!(run(&appliance, &["revoke", &id]).status.success());
    assert_eq!(put(&client).await, (403, "InvalidAccessKeyId".to_owned()));
    assert_eq!(appliance.http.get(&url).send().await.unwrap().status(), 403);
    let (_, short) = create(&appliance, &[&part[..], &["--expires", "2s"]].concat());
    assert_eq!(put(&short).await.0, OK);
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert_eq!(put(&short).await, (400, "ExpiredToken".to_owned()));
    let (id, _) = create(&appliance, &part);
    let wrong = Credentials::new(id, "0".repeat(40), None, None, "test");
    let forged = servers::s3_client(&appliance.s3, "us-east-1", wrong);
    assert_eq!(put(&forged).await, (403, "SignatureDoesNotMatch".to_owned()));
}

#[test]
fn the_command_line_refuses_keys_without_limits_and_shows_no_secret_again() {
    let appliance = Appliance::start();
    let table: [(&[&str], &str); 5] = [
        (&["--bucket", "other", "--prefix", "a/", "--read"], "allowed: uploads, public"),
        (&["--bucket", "uploads", "--prefix", "", "--read"], "--prefix"),
        (&["--bucket", "uploads", "--prefix", "records/", "--read"], "--prefix"),
        (&["--bucket", "uploads", "--prefix", "a/"], "--read"),
        (&["--bucket", "uploads", "--prefix", "a/", "--read", "--expires", "soon"], "such as 90d"),
    ];
    for (flags, expected) in table {
        let output = run(&appliance, &[&["create", "--name", "x"], flags].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(64), "{said}");
        assert!(said.contains(expected), "{said}");
    }
    let mut on_s3 = program();
    on_s3.args(["s3-key", "list"]).env("LADDERD__STORE__KIND", "s3");
    assert_eq!(on_s3.output().unwrap().status.code(), Some(64));
    let created =
        ["create", "--name", "cutter", "--bucket", "uploads", "--prefix", "a/", "--write"];
    let output = run(&appliance, &[&created[..], &["--expires", "90d"]].concat());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} = ")));
        line.unwrap_or_else(|| panic!("{text}")).to_owned()
    };
    let (id, secret) = (value("access_key_id"), value("secret_access_key"));
    for flags in [&["list"][..], &["list", "--json"]] {
        let listed = String::from_utf8_lossy(&run(&appliance, flags).stdout).into_owned();
        assert!(listed.contains(&id) && listed.contains("cutter"), "{listed}");
        assert!(!listed.contains(&secret), "{listed}");
    }
    assert!(run(&appliance, &["revoke", &id]).status.success());
    assert_eq!(run(&appliance, &["revoke", &id]).status.code(), Some(1));
    // A database that others can read would give the secrets away.
    let database = appliance.data_dir().join("ladderd.sqlite");
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&database), 0o600);
    std::fs::set_permissions(&database, PermissionsExt::from_mode(0o644)).unwrap();
    let output = run(&appliance, &created);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("chmod 600"), "{said}");
}
