//! CORS of the buckets, asked as a browser does.

use std::time::Duration;

use bytes::Bytes;
use reqwest::Method;
use serde_json::json;

use super::client::{Client, send};
use super::subject::Stores;
use crate::domain::doctor::judge::{cors_answer, preflight};
use crate::domain::doctor::{Check, Finding, Severity};

/// Validity of the signed URLs.
const VALID: Duration = Duration::from_mins(5);
/// Bytes of the upload.
const BYTES: &[u8] = b"uploaded by ladderd doctor, and deleted by it\n";
/// Headers that the page sends with an upload, besides those that need no permission.
const SENT: [&str; 2] = ["content-type", "if-none-match"];
/// Header that the page reads of each part.
const READ: [&str; 1] = ["ETag"];

/// Findings on uploads by pages of these origins: the preflight and the PUT of an object below `prefix`.
pub(super) async fn of_uploads(
    stores: &Stores,
    client: &Client,
    prefix: &str,
    origins: &[String],
) -> Vec<Finding> {
    let bucket = &stores.private;
    let mut found = Vec::new();
    for (number, origin) in origins.iter().enumerate() {
        let key = format!("{prefix}upload-{number}");
        let size = BYTES.len() as u64;
        let finding = match bucket.presign_put(&key, "video/mp4", size, VALID).await {
            Ok(signed) => of_upload(client, &signed.url, &signed.headers, origin).await,
            Err(error) => Finding::new(
                Check::CorsUpload,
                Severity::Error,
                format!("no URL can be signed: {error}"),
            ),
        };
        let mend = rules(bucket.name(), &["GET", "HEAD", "PUT"], origins, &["ETag"]);
        let needs_rules = finding.severity == Severity::Error && finding.mend.is_none();
        let finding = if needs_rules { finding.mend(mend) } else { finding };
        found.push(finding.of(bucket.name()));
    }
    found
}

async fn of_upload(
    client: &Client,
    url: &str,
    headers: &[(String, String)],
    origin: &str,
) -> Finding {
    let check = Check::CorsUpload;
    let asked = match client.preflight(url, origin, "PUT", &SENT).await {
        Ok(asked) => asked,
        Err(error) => return unreachable(check, "the URL for uploads", &error),
    };
    let fault = preflight(&asked, origin, "PUT", &SENT);
    let request = match client.request(Method::PUT, url) {
        Ok(request) => request.header("origin", origin).body(Bytes::from_static(BYTES)),
        Err(error) => return unreachable(check, "the URL for uploads", &error),
    };
    let request =
        headers.iter().fold(request, |request, (name, value)| request.header(name, value));
    match send(request).await {
        Ok(answer) if answer.status == 200 => {
            cors_answer(check, &answer.cors, origin, &READ, fault)
        }
        Ok(answer) => {
            let what = format!("a PUT to a signed URL is answered with {}", answer.status);
            let step =
                "see store.upload_base_url (its host is a part of the signature) and the clock";
            Finding::new(check, Severity::Error, what).mend(step)
        }
        Err(error) => unreachable(check, "the URL for uploads", &error),
    }
}

/// Finding on a player in a page of this origin, which reads the object at `url`.
pub(super) async fn of_playback(client: &Client, bucket: &str, url: &str, origin: &str) -> Finding {
    let check = Check::CorsPlayback;
    // Ranges of segments need a preflight.
    let headers = ["range"];
    let asked = client.preflight(url, origin, "GET", &headers).await;
    let fault = asked.map(|asked| preflight(&asked, origin, "GET", &headers));
    let read = client.get(url, origin).await;
    match (fault, read) {
        (Ok(fault), Ok(answer)) if answer.status == 200 => {
            let finding = cors_answer(check, &answer.cors, origin, &[], fault);
            if finding.severity == Severity::Ok {
                return finding;
            }
            let origins = ["*".to_owned()];
            let step =
                "\nand behind a CDN: let it pass on the header Origin and the method OPTIONS";
            finding.mend(rules(bucket, &["GET", "HEAD"], &origins, &[]) + step)
        }
        (Ok(_), Ok(answer)) => {
            let what = format!("the object is answered with {}: see playback", answer.status);
            Finding::new(check, Severity::Skipped, what)
        }
        (Err(error), _) | (_, Err(error)) => unreachable(check, "the playback URL", &error),
    }
}

fn unreachable(check: Check, place: &str, error: &str) -> Finding {
    let what = format!("{place} cannot be reached from here: {error}");
    let step = "see store.upload_base_url and store.public_base_url: curl -v to them";
    Finding::new(check, Severity::Error, what).mend(step)
}

/// The command that sets the rules of a bucket.
fn rules(bucket: &str, methods: &[&str], origins: &[String], exposed: &[&str]) -> String {
    let rule = json!({"AllowedOrigins": origins, "AllowedMethods": methods, "AllowedHeaders": ["*"],
        "ExposeHeaders": exposed});
    let rules = json!({"CORSRules": [rule]});
    format!("aws s3api put-bucket-cors --bucket {bucket} --cors-configuration '{rules}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_has_all_that_an_upload_needs() {
        let text = rules("up", &["PUT"], &["https://a.example".to_owned()], &["ETag"]);
        let (command, json) = text.split_once('\'').unwrap();
        assert_eq!(command, "aws s3api put-bucket-cors --bucket up --cors-configuration ");
        let json: serde_json::Value = serde_json::from_str(json.trim_end_matches('\'')).unwrap();
        let rule = &json["CORSRules"][0];
        assert_eq!(rule["AllowedOrigins"][0], "https://a.example");
        assert_eq!(
            (&rule["AllowedMethods"][0], &rule["ExposeHeaders"][0]),
            (&"PUT".into(), &"ETag".into())
        );
    }
}
