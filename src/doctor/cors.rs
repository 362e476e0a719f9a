//! CORS of the buckets, asked as a browser does.

use std::time::Duration;

use bytes::Bytes;
use reqwest::Method;

use super::client::{Client, send};
use super::subject::Stores;
use crate::domain::doctor::judge::{cors_answer, preflight};
use crate::domain::doctor::{Check, Finding, Severity, mend};

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
        let mend = mend::cors(bucket.name(), &["GET", "HEAD", "PUT"], origins, &["ETag"]);
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
        Err(error) => return unreachable(check, "the URL for uploads", url, &error),
    };
    let fault = preflight(&asked, origin, "PUT", &SENT);
    let request = match client.request(Method::PUT, url) {
        Ok(request) => request.header("origin", origin).body(Bytes::from_static(BYTES)),
        Err(error) => return unreachable(check, "the URL for uploads", url, &error),
    };
    let request =
        headers.iter().fold(request, |request, (name, value)| request.header(name, value));
    match send(request).await {
        Ok(answer) if answer.status == 200 => {
            cors_answer(check, &answer.cors, origin, &READ, fault)
        }
        Ok(answer) => {
            let what = format!("a PUT to a signed URL is answered with {}", answer.status);
            let advice =
                "see store.upload_base_url (its host is a part of the signature) and the clock";
            Finding::new(check, Severity::Error, what).mend(mend::ask(origin_of(url), advice))
        }
        Err(error) => unreachable(check, "the URL for uploads", url, &error),
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
            finding.mend(mend::cors(bucket, &["GET", "HEAD"], &origins, &[]))
        }
        (Ok(_), Ok(answer)) => {
            let what = format!("the object is answered with {}: see playback", answer.status);
            Finding::new(check, Severity::Skipped, what)
        }
        (Err(error), _) | (_, Err(error)) => unreachable(check, "the playback URL", url, &error),
    }
}

fn unreachable(check: Check, place: &str, url: &str, error: &str) -> Finding {
    let what = format!("{place} cannot be reached from here: {error}");
    let advice = "see store.upload_base_url and store.public_base_url";
    Finding::new(check, Severity::Error, what).mend(mend::ask(origin_of(url), advice))
}

/// A URL without its path and query: a signed one gives rights.
fn origin_of(url: &str) -> &str {
    let after = url.find("://").map_or(0, |at| at + 3);
    url[after..].find(['/', '?']).map_or(url, |end| &url[..after + end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signed_url_is_not_printed() {
        let table = [
            ("https://up.example.com/a/b?X-Amz-Signature=1", "https://up.example.com"),
            ("http://127.0.0.1:8081?x=1", "http://127.0.0.1:8081"),
            ("http://127.0.0.1:8081", "http://127.0.0.1:8081"),
        ];
        for (url, origin) in table {
            assert_eq!(origin_of(url), origin);
        }
    }
}
